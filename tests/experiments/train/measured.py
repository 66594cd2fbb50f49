"""The most memory that a computation really holds on the CPU."""

from collections.abc import Callable

from torch.profiler import ProfilerActivity, profile


def measured_peak(function: Callable[[], object]) -> int:
    """Bytes of PyTorch's allocations held at once, beyond those before `function`.

    From the allocator's own events, in the threads that were there: run it with one.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        function()
    assert profiler.profiler is not None
    events = profiler.profiler.kineto_results.events()
    held = peak = 0
    memory = [x for x in events if x.name() == "[memory]"]
    assert memory
    for event in sorted(memory, key=lambda x: x.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak
