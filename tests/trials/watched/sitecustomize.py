"""What Python imports at its start: a process of a sweep under trial is watched, and may die.

The environment says how: TRIAL_LOG is the file in which each training that begins is a line (steps
of the run, seed of its data, steps resumed from). TRIAL_DIES is the chance to be killed at each
opening, renaming or deletion of a file of the store, and TRIAL_BYTES kills in the middle of a
write: the first that would make a file longer than so many bytes.
"""

import os
import sys

if "TRIAL_LOG" in os.environ and "resource_tracker" not in " ".join(sys.orig_argv):
    import random
    import resource
    import signal

    from sdd.runs import spec, worker

    train, log = spec.train, os.environ["TRIAL_LOG"]
    worker.CHECKPOINT_EVERY_S = 0.05

    def watched(data, config, **options):
        resumed = options["resume"].steps if options.get("resume") else 0
        with open(log, "a") as lines:
            lines.write(f"{config.steps} {data.settings.seed} {resumed}\n")
        return train(data, config, **options)

    spec.train = watched

    store, chance = os.environ["SDD_STORE"], float(os.environ.get("TRIAL_DIES", 0))
    drawn = random.Random(f"{os.environ.get('TRIAL_SEED')} {os.getpid()}")
    events = {"open", "os.rename", "os.link", "os.remove"}

    def die(event, args):
        if event in events and str(args[0]).startswith(store) and drawn.random() < chance:
            os.kill(os.getpid(), signal.SIGKILL)

    if chance:
        sys.addaudithook(die)
    if most := int(os.environ.get("TRIAL_BYTES", 0)):
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
