"""What the config of a world model builds its parts for."""

import torch

from envs.vector_env import DiscreteActions
from ssl_objectives.encoders.heads import Mlp
from ssl_objectives.methods.contrast.info_nce import Contrast
from ssl_objectives.methods.pretext.autoencoder import Reconstruction
from ssl_objectives.parts.critics import Bilinear
from world_models.check.samples import random_trajectory, small_beliefs
from world_models.presets import byol_explore, contrastive, reconstruction

K = 3


def test_cpc_has_a_matrix_for_each_step_ahead() -> None:
    """Of the size of what is predicted; a loss reaches all of them."""
    belief = small_beliefs()["recurrent"]()
    model = contrastive(K, projector=Mlp(11, 7)).build(belief)
    assert isinstance(model.objective, Contrast)
    critic = model.objective.critic
    assert isinstance(critic, Bilinear)
    assert critic.weight.shape == (K, 11, 11)
    traj = random_trajectory(belief, 9, 3, 4)
    model.loss(traj, model.start(3)).mean().backward()
    assert critic.weight.grad is not None
    assert critic.weight.grad.flatten(1).any(1).all()


def test_pixels_that_are_decoded_are_one_frame_of_a_stack() -> None:
    belief = small_beliefs()["frame stack"]()
    assert belief.num_frames == 3
    model = reconstruction(K).build(belief)
    assert isinstance(model.objective, Reconstruction)
    made = model.objective.decoder(torch.zeros(2, belief.encoder.size))
    assert made.shape == (2, belief.encoder.image_shape[0] // 3, 15, 20)


def test_by_itself_it_has_eyes_of_its_own() -> None:
    """For small frames, without a memory; the vector is read, too."""
    model = byol_explore(K).of((1, 20, 22), DiscreteActions(4), vector_size=5)
    assert model.belief.core.memory_size == 0
    assert model.belief.vector_input is not None
    assert model.belief.encoder.image_shape == (1, 20, 22)
    belief = torch.zeros(6, model.belief.size)
    action = torch.zeros(K, 6, dtype=torch.int64)
    assert model.eval().imagine(belief, action).shape == (K, 6, 64)
