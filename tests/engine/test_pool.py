import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from colorizers.devices import memory_limit
from colorizers.pool import Leases, Loader, ModelPool, default_budget
from colorizers.weights.store import WeightReader, WeightStore

CPU = torch.device("cpu")
KILOBYTE = 1000


class Block(nn.Module):
    """A model of so many bytes, half of them in a buffer that is not saved."""

    def __init__(self, size: int = KILOBYTE) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(size // 8))
        self.register_buffer("table", torch.zeros(size // 8), persistent=False)


@dataclass(frozen=True)
class SizedStore(WeightStore):
    """A store that expects every model to have one size."""

    size: int = 0

    def expected_bytes(self, key: str) -> int:
        return self.size


def pool_of(budget: int = 2 * KILOBYTE, load: Loader = lambda key, device, reader: Block()) -> ModelPool:
    return ModelPool({"block": load}, CPU, budget)


def touch(pool: ModelPool, *keys: str) -> None:
    for key in keys:
        with pool.lease(key):
            pass


def test_eight_threads_that_ask_at_once_cause_one_load():
    everybody_asks = threading.Barrier(9)
    loads = []

    def load(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
        loads.append(key)
        everybody_asks.wait(10)
        return Block()

    pool = pool_of(load=load)

    def ask(first: bool) -> nn.Module:
        if not first:
            everybody_asks.wait(10)
        with pool.lease("block/a") as leased:
            return leased.model

    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(ask, True)
        others = [threads.submit(ask, False) for _ in range(8)]
        models = {id(future.result(10)) for future in (first, *others)}
    assert len(models) == 1
    assert loads == ["block/a"]
    assert pool.stats().loads == 1
    assert pool.stats().hits + pool.stats().misses == 9


def test_models_are_never_made_at_the_same_time():
    inside, most = [], []

    def load(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
        inside.append(key)
        most.append(len(inside))
        model = Block()
        inside.remove(key)
        return model

    pools = [pool_of(10**6, load) for _ in range(2)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda k: touch(pools[k % 2], f"block/{k}"), range(64)))
    assert max(most) == 1


def test_a_model_stands_ready_on_the_device_in_eval_mode_without_gradients():
    with Leases(pool_of()).lease("block/a") as model:
        assert not model.training
        assert not any(parameter.requires_grad for parameter in model.parameters())
        assert all(parameter.device == CPU for parameter in model.parameters())


def test_a_model_first_leased_in_inference_mode_can_still_carry_gradients():
    pool = pool_of()
    with torch.inference_mode():
        touch(pool, "block/a")
    with Leases(pool).lease("block/a") as model:
        values = torch.ones(len(model.weight), requires_grad=True)
        (values * model.weight).sum().backward()
    assert torch.equal(values.grad, model.weight)


def test_the_least_recently_used_goes_first():
    pool = pool_of()
    touch(pool, "block/a", "block/b", "block/a", "block/c")
    assert pool.stats().models == ("block/a", "block/c")
    touch(pool, "block/d")
    assert pool.stats().models == ("block/c", "block/d")
    assert pool.stats().evictions == 2


@pytest.mark.parametrize("known", ["beforehand", "from the last time"])
def test_room_is_made_before_a_model_of_known_size_is_made(known: str):
    alive: list[weakref.ref[nn.Module]] = []
    together = []

    def load(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
        gc.collect()
        together.append(sum(ref() is not None for ref in alive))
        model = Block()
        alive.append(weakref.ref(model))
        return model

    store = SizedStore(size=KILOBYTE if known == "beforehand" else 0)
    pool = ModelPool({"block": load}, CPU, KILOBYTE, store=store)
    touch(pool, "block/a", "block/b", "block/a", "block/b")
    assert together[0 if known == "beforehand" else 2 :] == [0] * (4 if known == "beforehand" else 2)


def test_no_more_leaves_than_the_new_model_needs():
    pool = ModelPool({"block": lambda key, device, reader: Block()}, CPU, 3 * KILOBYTE, store=SizedStore(size=KILOBYTE))
    touch(pool, "block/a", "block/b", "block/c", "block/d")
    assert pool.stats().models == ("block/b", "block/c", "block/d")
    assert pool.stats().evictions == 1


def test_a_model_that_finds_no_room_on_the_device_is_not_read_again():
    class Full(Block):
        def to(self, *args, **kwargs):
            if args != ("cpu",) and not there_is_room:
                raise torch.OutOfMemoryError
            return super().to(*args, **kwargs)

    made, there_is_room = [], False
    load = lambda key, device, reader: made.append(key) or Full()  # noqa: E731
    pool = ModelPool({"block": load}, CPU, 2 * KILOBYTE, offload_budget=2 * KILOBYTE)
    with pytest.raises(torch.OutOfMemoryError):
        touch(pool, "block/a")
    assert pool.stats().models == ()
    there_is_room = True
    touch(pool, "block/a")
    assert made == ["block/a"]


def test_nobody_waits_for_a_model_that_leaves():
    leaving, go_on = threading.Event(), threading.Event()

    class Slow(Block):
        def to(self, *args, **kwargs):
            if args == ("cpu",):
                leaving.set()
                assert go_on.wait(10)
            return super().to(*args, **kwargs)

    pool = ModelPool({"block": lambda key, device, reader: Slow()}, CPU, 2 * KILOBYTE, offload_budget=2 * KILOBYTE)
    touch(pool, "block/a", "block/b")
    with ThreadPoolExecutor(1) as threads:
        clearing = threads.submit(pool.clear)
        assert leaving.wait(10)
        assert pool.stats().models == ()
        go_on.set()
        clearing.result(10)


def test_what_is_at_work_is_never_evicted():
    pool = pool_of()
    with pool.lease("block/a") as model:
        touch(pool, "block/b", "block/c")
        assert pool.stats().models == ("block/a", "block/c")
        with pool.lease("block/a") as again:
            assert again is model


def test_what_one_job_needs_at_once_may_be_more_than_the_budget():
    pool = pool_of()
    with pool.lease("block/a"), pool.lease("block/b"), pool.lease("block/c"):
        assert set(pool.stats().models) == {"block/a", "block/b", "block/c"}
    assert len(pool.stats().models) == 2, "afterwards it is kept again"


def test_a_model_larger_than_the_budget_is_there_while_it_is_used():
    pool = pool_of(budget=10)
    with pool.lease("block/a"):
        assert pool.stats().models == ("block/a",)
    assert pool.stats().models == ()


def test_a_failed_load_is_forgotten():
    answers = [RuntimeError("no such file"), Block()]

    def load(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    pool = pool_of(load=load)
    with pytest.raises(RuntimeError, match="no such file"):
        touch(pool, "block/a")
    assert pool.stats().models == ()
    touch(pool, "block/a")
    assert pool.stats().loads == 1


def test_those_who_wait_for_a_load_see_it_fail():
    loading, fail = threading.Event(), threading.Event()

    def load(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
        loading.set()
        fail.wait(10)
        raise RuntimeError("no such file")

    pool = pool_of(load=load)
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(touch, pool, "block/a")
        assert loading.wait(10)
        others = [threads.submit(touch, pool, "block/a") for _ in range(3)]
        while pool.stats().misses < 4:
            pass
        fail.set()
        for future in (first, *others):
            with pytest.raises(RuntimeError, match="no such file"):
                future.result(10)


def test_storage_that_models_share_is_counted_once():
    shared = Block()

    def load(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
        model = nn.Module()
        model.shared, model.own = shared, Block()
        return model

    pool = pool_of(10**6, load)
    touch(pool, "block/a", "block/b")
    assert pool.stats().bytes == 3 * KILOBYTE


def test_a_lease_in_a_lease_on_the_same_key_is_the_same_model():
    pool = pool_of(budget=10)
    with pool.lease("block/a") as outer:
        with pool.lease("block/a") as inner:
            assert inner is outer
        pool.clear()
        assert pool.stats().models == ("block/a",), "still at work"
    assert pool.stats().loads == 1


def test_a_model_without_data_is_stopped():
    def load(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
        with torch.device("meta"):
            return Block()

    pool = ModelPool({"block": load}, torch.device("meta"), 2 * KILOBYTE)  # where torch itself has nothing against it
    with pytest.raises(RuntimeError, match="block/a was loaded without data"):
        touch(pool, "block/a")


def test_a_process_whose_modules_lose_their_data_is_noticed():
    def load(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
        torch.set_default_device("meta")
        return nn.Module()

    try:
        with pytest.raises(RuntimeError, match="without data"):
            touch(pool_of(load=load), "block/a")
    finally:
        torch.set_default_device(None)


def test_an_unknown_family_is_a_bug():
    with pytest.raises(KeyError, match="nothing/a"):
        touch(pool_of(), "nothing/a")


def test_the_counters_count():
    pool = pool_of()
    touch(pool, "block/a", "block/a", "block/b", "block/c")
    stats = pool.stats()
    assert (stats.hits, stats.misses, stats.loads, stats.evictions) == (1, 3, 3, 1)
    assert stats.bytes == 2 * KILOBYTE
    assert stats.load_seconds > 0


def test_clear_frees_what_is_idle_and_nothing_else():
    pool = pool_of()
    with pool.lease("block/a"):
        touch(pool, "block/b")
        pool.clear()
        assert pool.stats().models == ("block/a",)
    pool.clear()
    assert pool.stats().models == ()
    assert pool.stats().bytes == 0


def test_an_error_in_the_block_gives_the_lease_back():
    pool = pool_of()
    with pytest.raises(ZeroDivisionError), pool.lease("block/a"):
        raise ZeroDivisionError
    pool.clear()
    assert pool.stats().models == ()


def test_a_job_gathers_the_hashes_of_the_weights_that_it_used():
    def load(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
        reader.hashes.update({key: f"hash of {key}", "block/shared": "hash of shared"})
        return Block()

    pool = pool_of(load=load)
    touch(pool, "block/c")
    leases = Leases(pool)
    for key in ("block/b", "block/a", "block/b"):
        with leases.lease(key):
            pass
    assert leases.hashes == {
        "block/b": "hash of block/b",
        "block/shared": "hash of shared",
        "block/a": "hash of block/a",
    }


def test_the_default_budget_leaves_room_for_the_photos():
    limit = memory_limit()
    assert default_budget(CPU) == max(limit // 2 - 2 * 10**9, 10**9)
    assert default_budget(CPU) < limit


def test_what_had_to_leave_the_device_comes_back_without_a_load():
    made = []
    pool = ModelPool(
        {"block": lambda key, device, reader: made.append(key) or Block()}, CPU, 2 * KILOBYTE, offload_budget=KILOBYTE
    )
    touch(pool, "block/1", "block/2", "block/3", "block/4")
    touch(pool, "block/2")
    assert made == ["block/1", "block/2", "block/3", "block/4"], "the last that left was still in main memory"
    touch(pool, "block/1")
    assert made[4:] == ["block/1"], "there was room for one alone"


def test_of_what_leaves_together_the_last_used_stays_in_main_memory():
    made = []
    pool = ModelPool(
        {"block": lambda key, device, reader: made.append(key) or Block()}, CPU, 2 * KILOBYTE, offload_budget=KILOBYTE
    )
    touch(pool, "block/old", "block/new")
    pool.clear()
    touch(pool, "block/new")
    assert made == ["block/old", "block/new"]
