"""Work that is shared out: side by side, each piece on one thread, in order, and errors are not lost."""

import sys
import threading
from pathlib import Path

import pytest
import torch
from torch_threads import threads

from colorizers.threads import shared_out, wait_briefly


def test_pieces_come_in_their_order():
    for count in (1, 2):
        with threads(count):
            assert list(shared_out(lambda piece: piece**2, range(100))) == [piece**2 for piece in range(100)]


def test_pieces_run_side_by_side_and_torch_has_one_thread_in_each():
    both_run = threading.Barrier(2, timeout=60)

    def work(piece: int) -> int:
        both_run.wait()
        return torch.get_num_threads()

    with threads(2):
        assert list(shared_out(work, range(2))) == [1, 1]
        assert torch.get_num_threads() == 2, "the caller's stay"


def test_pieces_may_share_out_pieces_of_their_own():
    with threads(2):
        made = shared_out(lambda piece: list(shared_out(lambda part: piece + part, range(3))), (10, 20))
        assert list(made) == [[10, 11, 12], [20, 21, 22]]


def test_threads_that_start_later_have_what_the_program_has():
    found = []
    with threads(2):
        list(shared_out(str, range(2)))
        later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        later.start()
        later.join()
    assert found == [2]


def test_an_error_in_a_piece_reaches_the_caller():
    with threads(2), pytest.raises(ZeroDivisionError):
        list(shared_out(lambda piece: 1 // piece, (1, 0, 1)))


def test_what_the_user_says_of_waiting_stays():
    for told in ({"OMP_WAIT_POLICY": "PASSIVE"}, {"GOMP_SPINCOUNT": "0"}):
        unchanged = dict(told)
        wait_briefly(unchanged, "linux")
        assert unchanged == told


def test_no_thread_spins_for_long():
    """GNU's OpenMP alone stops to spin after a count: told to be active, others would spin for ever."""
    linux, others = {}, {}
    wait_briefly(linux, "linux")
    wait_briefly(others, "darwin")
    assert linux == {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "1000"}
    assert others == {"OMP_WAIT_POLICY": "PASSIVE"}


@pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP is what torch has on Linux")
def test_torch_has_the_openmp_that_understands_the_count():
    assert "libgomp" in Path("/proc/self/maps").read_text()
