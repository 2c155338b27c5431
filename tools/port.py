"""Say in one sentence why a port cannot be had: `make serve` and `make lab` ask before they start.

python tools/port.py 8000 "make serve PORT"
"""

import errno
import socket
import sys


def complaint(port: str, choose: str) -> str:
    """Return why nothing can listen at this port, and how to choose another; "" where it can."""
    if not port.isdecimal() or not 0 < int(port) < 65_536:
        return (
            f"A port is a whole number from 1 to 65535, not {port!r}: choose one by {choose}=8000."
        )
    try:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", int(port)))
    except OSError as error:
        other = f"choose another by {choose}="
        if error.errno == errno.EADDRINUSE:
            following = int(port) % 65_535 + 1
            return f"Port {port} is taken: stop what listens there, or {other}{following}."
        return f"Port {port} cannot be had ({error.strerror}): {other}8000."
    return ""


if __name__ == "__main__":
    if said := complaint(*sys.argv[1:]):
        print(said, file=sys.stderr)
        sys.exit(2)
