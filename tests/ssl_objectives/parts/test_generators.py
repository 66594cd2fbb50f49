import torch

from ssl_objectives.parts.generators import generator_on


def test_draws_on_a_device_repeat_and_shapes_alone_draw_as_well() -> None:
    drawn = [
        torch.rand(5, generator=generator_on(torch.device("cpu")).manual_seed(3))
        for _ in range(2)
    ]
    assert torch.equal(*drawn)
    meta = torch.device("meta")
    order = torch.randperm(5, generator=generator_on(meta), device=meta)
    assert order.is_meta
