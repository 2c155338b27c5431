"""A sweep shows how far it is: runs, speed and the time left, by the share of the work done."""

import io
import sys
import time

import pytest
from sweeps import spec

from sdd.runs.progress import heartbeat_path, plural, shown_progress, write_heartbeat
from sdd.runs.sweep import train_missing
from sdd.training import train


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def folder(tmp_path):
    heartbeat_path("", tmp_path).parent.mkdir()
    return tmp_path


def lines_shown(capfd, todo, folder, events):
    """Let events happen 0.3 s apart; return the last line shown after each of them."""
    found = []
    with shown_progress(todo, folder, update_every_s=0.02, line_every_s=0) as finished:
        for event in events:
            event(finished)
            capfd.readouterr()
            time.sleep(0.3)
            out, err = capfd.readouterr()
            assert err == ""
            found.append(out.splitlines()[-1])
    return found


def test_steps_of_before_count_as_done_but_not_as_speed(folder, capfd):
    run = spec(1_000)

    def resumed(_):
        write_heartbeat(run.name, folder, 750, 750)

    def ended(_):  # as it is before the run is told to be done
        heartbeat_path(run.name, folder).unlink()

    def done(finished):
        finished(run.name)

    first, second, third = lines_shown(capfd, [run], folder, [resumed, ended, done])
    assert "] 75%: 0/1 run, 0 steps/s" in first
    assert "] 75%: 0/1 run, 0 steps/s" in second
    assert "] 100%: 1/1 run, " in third
    assert ", 0 steps/s" not in third
    assert "trained 1 run in 00:0" in capfd.readouterr().out


def test_the_share_done_is_of_the_work_and_not_of_the_runs(folder, capfd):
    short, long = spec(60), spec(6_000, T=4_000)
    (line,) = lines_shown(capfd, [short, long], folder, [lambda finished: finished(short.name)])
    assert "] 1%: 1/2 runs" in line or "] 0%: 1/2 runs" in line


def test_a_terminal_shows_one_bar_drawn_over_itself(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with shown_progress([spec(60), spec(70)], folder, update_every_s=0.02) as finished:
        finished(spec(60).name)
        time.sleep(0.3)
    shown = sys.stderr.getvalue()
    assert "1/2 runs, " in shown
    assert " steps/s" in shown
    assert shown.count("\n") <= 1
    assert capsys.readouterr().out == "trained 1 run in 00:00\n"


def test_heartbeats_of_a_killed_sweep_are_not_taken_for_progress(folder, monkeypatch):
    specs, found = [spec(60), spec(50)], []
    for s in specs:
        write_heartbeat(s.name, folder, 40, 0)

    def watched(data, config, **options):
        found.append([heartbeat_path(s.name, folder).exists() for s in specs])
        return train(data, config, **options)

    monkeypatch.setattr("sdd.runs.spec.train", watched)
    train_missing(specs, folder, jobs=1, quiet=True)
    assert found == [[True, False], [False, True]]  # each run writes its own, from its start


def test_counts_are_written_as_people_write_them():
    assert [plural(k, "run") for k in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
