"""Faults once planted, each with the tests that see it.

A fault is one change of text in one file. Where code moves, its fault moves with it:
`test_mutations.py` refuses a fault whose text is not there exactly once.
"""

from typing import NamedTuple

WIRING = "tests/agents/test_wiring.py"
REPLAYING = "tests/agents/ppo/test_replaying.py"
PROCESSES = "tests/agents/test_processes.py"
PRESETS = "tests/experiments/train/test_golden_presets.py"
SEEDS = "tests/envs/test_seeds.py"
AGENT = "agents/ppo/agent.py"
PROGRESS = "agents/curiosity/progress"
PROBING = "world_models/probing"
CURIOSITY = "agents/curiosity"
ROOMS = "tests/envs/mujoco/rooms/test_seen.py"


class Fault(NamedTuple):
    """A change of one file, and the test file that must fail with it."""

    file: str
    right: str
    wrong: str
    test: str


FAULTS = {
    "the model's loss with a minus sign": Fault(
        "agents/appraiser.py",
        "total = total + self.model_coeff * predicted",
        "total = total - self.model_coeff * predicted",
        WIRING,
    ),
    "the intrinsic reward rolled by one step": Fault(
        AGENT,
        "rewards = [traj.reward, *(x.reward for x in paid.values())]",
        "rewards = [traj.reward, *(x.reward.roll(1, 0) for x in paid.values())]",
        WIRING,
    ),
    "the target moved before the optimiser": Fault(
        "agents/learner.py",
        """        self.descent.step(total)
        model = self.model if losses else None
        if model is not None:
            model.after_update(*losses)
""",
        """        model = self.model if losses else None
        if model is not None:
            model.after_update(*losses)
        self.descent.step(total)
""",
        WIRING,
    ),
    "progress with the sign of a cost": Fault(
        f"{PROGRESS}/progress.py",
        "(old - new)",
        "(new - old)",
        f"tests/{PROGRESS}/test_progress.py",
    ),
    "old weights that follow as fast as they should remember": Fault(
        f"{PROGRESS}/old_weights.py",
        "online, 1 - self.setting)",
        "online, self.setting)",
        f"tests/{PROGRESS}/test_old_weights.py",
    ),
    "replay stores the end's carry": Fault(
        AGENT,
        "replay.buffer.add(experience.traj, experience.carry)",
        "replay.buffer.add(experience.traj, experience.end)",
        REPLAYING,
    ),
    "replay samples one slot only": Fault(
        "world_models/data/replay.py",
        "slot = (self.num_added - len(self) + own_rows(drawn, 0)) % self.capacity",
        "slot = (self.num_added - len(self) + 0 * drawn) % self.capacity",
        REPLAYING,
    ),
    "the target frozen on replayed updates": Fault(
        AGENT,
        "self.learner.step(self.appraiser.model_coeff * loss.mean(), loss)",
        """learner = self.learner
            learner.model = None
            learner.step(self.appraiser.model_coeff * loss.mean(), loss)
            learner.model = self.world_model""",
        REPLAYING,
    ),
    "the replayed loss without its weight": Fault(
        AGENT,
        "self.learner.step(self.appraiser.model_coeff * loss.mean(), loss)",
        "self.learner.step(loss.mean(), loss)",
        REPLAYING,
    ),
    "no reset after random play": Fault(
        "agents/agent.py",
        """            self.env_steps += int(gathered_rows(played[None], 0).sum())
            self.collector.begin(self.seeds.worlds)
""",
        """            self.env_steps += int(gathered_rows(played[None], 0).sum())
""",
        WIRING,
    ),
    "a signal built with the world's discount": Fault(
        "agents/ppo/build.py",
        "wanted = named_signals(curiosity, self.intrinsic, also)",
        """wanted = named_signals(
            curiosity, replace(self.intrinsic, discount=self.extrinsic.discount), also
        )""",
        WIRING,
    ),
    "the intrinsic stream made episodic": Fault(
        "experiments/train/presets.py",
        "RewardStream(1.0, 0.99, episodic=isinstance(signal, tasks))",
        "RewardStream(1.0, 0.99, episodic=True)",
        PRESETS,
    ),
    "worlds that ignore the seed": Fault(
        "agents/agent.py",
        '''whatever random play the curiosity asks for."""
        self.collector.begin(self.seeds.worlds)
''',
        '''whatever random play the curiosity asks for."""
        self.collector.begin(0)
''',
        WIRING,
    ),
    "actions that ignore the seed": Fault(
        AGENT,
        "manual_seed(self.seeds.actions)",
        "manual_seed(0)",
        WIRING,
    ),
    "one order of minibatches for all epochs": Fault(
        AGENT,
        """        for _ in range(self.ppo.num_epochs if epochs is None else epochs):
            yield from drawn_envs(spec.num_envs, num, self.generator, spec.device)
""",
        """        same = drawn_envs(spec.num_envs, num, self.generator, spec.device)
        for _ in range(self.ppo.num_epochs if epochs is None else epochs):
            yield from same
""",
        WIRING,
    ),
    "gradients of each process for itself": Fault(
        "agents/descent.py",
        "        average_gradients(x for group in self.groups for x in group)\n",
        "",
        PROCESSES,
    ),
    "advantages normalised by each process for itself": Fault(
        "agents/policy/ppo.py",
        "everywhere, counts = gathered_rows(mixed, 1), gathered_rows(valid, 1)",
        "everywhere, counts = mixed, valid",
        PROCESSES,
    ),
    "rewards normalised by each process for itself": Fault(
        "agents/curiosity/normalize.py",
        "return own_rows(self.of_all(both[0], both[1] > 0), 1)",
        "return self.of_all(reward, valid)",
        PROCESSES,
    ),
    "pixels whitened by each process for itself": Fault(
        "world_models/moments.py",
        "for part in zip(count, mean, squares, strict=True):",
        "for part in [(own.count, own.mean, own.squares)]:",
        PROCESSES,
    ),
    "the first process's worlds for all that go on": Fault(
        "ssl_objectives/distributed.py",
        "return states[rank()]",
        "return states[0]",
        PROCESSES,
    ),
    "one seed for the worlds of all processes": Fault(
        AGENT,
        "Seeds.of(seed, rank())",
        "Seeds.of(seed)",
        PROCESSES,
    ),
    "one seed for all processes that go on": Fault(
        AGENT,
        "Seeds.resumed(self.seed, self.env_steps, rank())",
        "Seeds.resumed(self.seed, self.env_steps)",
        PROCESSES,
    ),
    "probes chosen by what they are measured on": Fault(
        f"{PROBING}/reading.py",
        "reader = each.fit(train, val)",
        "reader = each.fit(train, test)",
        f"tests/{PROBING}/test_reading.py",
    ),
    "latents at the scale of the rows that are measured": Fault(
        f"{PROBING}/standardised.py",
        "return self.reader.read(_scaled(rows, self.mean, self.std))",
        """mean, std = rows.latent.mean(0), rows.latent.std(0, correction=0) + 1e-6
        return self.reader.read(_scaled(rows, mean, std))""",
        f"tests/{PROBING}/test_reading.py",
    ),
    "intervals of F1 over rows": Fault(
        f"{PROBING}/f1.py",
        "by_episode(torch.cat([true, said, true * said], 1), episode)",
        "by_episode(torch.cat([true, said, true * said], 1), torch.arange(len(truth)))",
        f"tests/{PROBING}/test_softmax.py",
    ),
    "drawn over the actions of the step before": Fault(
        "world_models/pictures/drawn.py",
        "        imagined(traj.action),",
        "        imagined(traj.action.roll(1, 0)),",
        "tests/world_models/pictures/test_latent_decoder.py",
    ),
    "unknown rows of the context as targets": Fault(
        "world_models/model_loss.py",
        "usable = usable & (start + ahead > num_context).unsqueeze(-1)",
        "usable = usable & (start + ahead >= 0).unsqueeze(-1)",
        "tests/world_models/test_surprise.py",
    ),
    "the bootstrap without the action before": Fault(
        "agents/ppo/actor.py",
        "nothing = end.action[None][:0]",
        "nothing, end = end.action[None][:0], end.acted(0 * end.action)",
        WIRING,
    ),
    "streams swapped": Fault(
        AGENT,
        "self.streams = [extrinsic, *(x.stream for x in self.signals.values())]",
        "self.streams = [*(x.stream for x in self.signals.values()), extrinsic]",
        WIRING,
    ),
    "equal Atari seeds": Fault(
        "envs/seeds.py",
        "return (drawn >> 1).astype(np.int64)",
        "return (0 * drawn + seed).astype(np.int64)",
        SEEDS,
    ),
    "equal Gymnasium seeds": Fault(
        "envs/gym/env.py",
        "return [int(s) for s in drawn]",
        "return [int(drawn[0]) for _ in drawn]",
        SEEDS,
    ),
    "the last row's latents not regularised": Fault(
        "world_models/latent_dynamics.py",
        "seen.projected[-usable.shape[1] :]",
        "seen.projected[: usable.shape[1]]",
        "tests/world_models/test_regularised_rows.py",
    ),
    "batch norms that learn from a burn-in": Fault(
        "world_models/belief.py",
        "with torch.no_grad(), evaluating(self):",
        "with torch.no_grad():",
        "tests/world_models/test_surprise.py",
    ),
    "predictions probed for the row before": Fault(
        "world_models/probing/facts.py",
        "landed = slice(1, steps + 1)",
        "landed = slice(0, steps)",
        "tests/world_models/probing/test_facts.py",
    ),
    "a slow copy that goes on from the fast one's memory": Fault(
        "agents/policy/dqn.py",
        "behind = slow.along(traj, begun).carry",
        "behind = slow.along(last, here).carry",
        "tests/agents/policy/test_dqn.py",
    ),
    "random play of half the range": Fault(
        "agents/ppo/head_start.py",
        "actions.uniform_(-1.0, 1.0,",
        "actions.uniform_(0.0, 1.0,",
        "tests/agents/ppo/test_head_start.py",
    ),
    "a reset of some that forgets where others ended": Fault(
        "envs/noise/noisy_env.py",
        "self._ended = self._ended & ~mask",
        "self._ended = torch.zeros_like(mask)",
        "tests/envs/noise/test_noisy_env.py",
    ),
    "a potential that outlives a terminated episode": Fault(
        "agents/curiosity/demonstrated.py",
        "after = potential[1:].masked_fill(traj.terminated, 0.0)",
        "after = potential[1:]",
        "tests/agents/curiosity/test_demonstrated.py",
    ),
    "a goal that pays less than to wait in front of it": Fault(
        "agents/curiosity/demonstrated.py",
        "torch.where(traj.terminated, 1.0 / (1.0 - self.discount), 1.0)",
        "torch.where(traj.terminated, 1.0, 1.0)",
        "tests/agents/curiosity/test_demonstrated.py",
    ),
    "steps that cost what the frames before them do": Fault(
        "agents/rewards/segmentation.py",
        "cost[start, start + least :] = one.cpu()",
        "cost[start, start + least :] = one.cpu().roll(1)",
        "tests/agents/rewards/test_segmentation.py",
    ),
    "the last half of what was logged": Fault(
        "experiments/report/events.py",
        "inside = steps > HALF * run.steps",
        "inside = steps > HALF * steps[-1:]",
        "tests/experiments/report/test_events.py",
    ),
    "chance that begins anew with each episode of a MuJoCo world": Fault(
        "envs/mujoco/world.py",
        "key, own, step = previous.key, previous.own, previous.step",
        "key, own, step = previous.key, previous.own, 0 * previous.step",
        "tests/envs/mujoco/test_world.py",
    ),
    "a reference with nothing in it": Fault(
        "envs/mujoco/threads.py",
        "mujoco.mj_getState(self.model, mujoco.MjData(self.model), state, _ALL)",
        "pass",
        "tests/envs/mujoco/test_threads.py",
    ),
    "all cameras with the first one's angle": Fault(
        "envs/mujoco/drawn.py",
        "float(model.cam_fovy[number])",
        "float(model.cam_fovy[0])",
        "tests/envs/mujoco/test_pictures.py",
    ),
    "best weights of a probe that go on learning": Fault(
        f"{PROBING}/softmax.py",
        "{k: v.clone() for k, v in self.output.state_dict().items()}",
        "dict(self.output.state_dict())",
        f"tests/{PROBING}/test_softmax.py",
    ),
    "validation rows about their own mean": Fault(
        f"{PROBING}/ridge.py",
        "turned = (val.latent.double() - mean) / std @ vectors",
        "turned = (val.latent - val.latent.mean(0)).double() / std @ vectors",
        f"tests/{PROBING}/test_ridge.py",
    ),
    "another goal sought by the plan for the last one": Fault(
        "world_models/planning/goal_seeker.py",
        "        self.horizon.plan = None\n",
        "",
        "tests/world_models/planning/test_goal_seeker.py",
    ),
    "goals of envs that have left": Fault(
        "world_models/planning/goal_seeker.py",
        "        self.goal = None if self.goal is None else self.goal[index]\n",
        "",
        "tests/world_models/planning/test_goal_seeker.py",
    ),
    "foretold beyond the episode's end": Fault(
        "world_models/pictures/gathered.py",
        "inside = until_the_end(traj)[1:]",
        "inside = torch.ones_like(traj.valid)",
        "tests/world_models/pictures/test_gathered.py",
    ),
    "a seed of nought taken for none": Fault(
        "envs/toys/deep_sea.py",
        "if config.mapping_seed is not None:",
        "if config.mapping_seed:",
        "tests/envs/toys/test_deep_sea.py",
    ),
    "the last observation written into what SB3 is shown next": Fault(
        "agents/sb3/curious.py",
        "seen = np.array(seen)",
        "seen = np.asarray(seen)",
        "tests/agents/sb3/test_demonstrated.py",
    ),
    "a companion that counts its steps anew behind loading": Fault(
        "agents/beside/companion.py",
        'self.env_steps, self.warm = state["env_steps"], state["warm"]',
        'self.warm = state["warm"]',
        "tests/agents/beside/test_companion.py",
    ),
    "beliefs of the context by weights from before learning": Fault(
        "agents/beside/stepwise.py",
        "            self._see_again()\n",
        "            pass\n",
        "tests/agents/beside/test_stepwise.py",
    ),
    "errors compared with those of their own rollout alone": Fault(
        f"{CURIOSITY}/episodic/ngu.py",
        "self.errors = EmaMoments(0.99)",
        "self.errors = EmaMoments(0.0)",
        f"tests/{CURIOSITY}/episodic/test_ngu.py",
    ),
    "neighbours that are not there counted at no distance": Fault(
        f"{CURIOSITY}/particles/apt.py",
        "there.sum(-1).clamp(min=1)",
        "apart.shape[-1]",
        f"tests/{CURIOSITY}/particles/test_particles.py",
    ),
    "what the forward model foretells held fixed": Fault(
        f"{CURIOSITY}/embeddings/forward.py",
        "(guess - embedded[1:])",
        "(guess - embedded[1:].detach())",
        f"tests/{CURIOSITY}/test_icm.py",
    ),
    "an episode begun twice where a rollout ends at its first row": Fault(
        f"{CURIOSITY}/episodic/memory.py",
        "first & new, new)",
        "first, new)",
        f"tests/{CURIOSITY}/episodic/test_memories.py",
    ),
    "signals of a sum that never see the model move": Fault(
        f"{CURIOSITY}/weighted_sum.py",
        "x.after_update(model)",
        "x.after_update(None)",
        f"tests/{CURIOSITY}/test_weighted_sum.py",
    ),
    "no prediction taken for one without an error": Fault(
        f"{CURIOSITY}/errors/lpm.py",
        "told = valid & (error > 0.0)",
        "told = valid",
        f"tests/{CURIOSITY}/errors/test_expected.py",
    ),
    "frames that a full table forgot divided by nought": Fault(
        f"{CURIOSITY}/counts/counts.py",
        "times.clamp(min=1).float()",
        "times.float()",
        f"tests/{CURIOSITY}/counts/test_counts.py",
    ),
    "a return that decays over joins of episodes": Fault(
        f"{CURIOSITY}/normalize.py",
        "torch.where(valid, self.discount, 1.0)",
        "torch.full_like(reward, self.discount)",
        f"tests/{CURIOSITY}/test_return_scale.py",
    ),
    "who was given most steps told for those that solved nothing": Fault(
        "docs/collect_sparse.py",
        "min(tried)",
        "max(tried)",
        "tests/test_sparse_results.py",
    ),
    "a key of one lock that opens all of them": Fault(
        "envs/mujoco/rooms/stage.py",
        "opened = state.opened | taken & _near(place",
        "opened = state.opened | taken.any(1, keepdim=True) & _near(place",
        ROOMS,
    ),
    "keys shown where the first layout has them": Fault(
        "envs/mujoco/rooms/stage.py",
        "parts = [plan.keys[maze]]",
        "parts = [plan.keys[:1].expand(len(maze), -1, -1)]",
        ROOMS,
    ),
    "doors that look open to who has their key": Fault(
        "envs/mujoco/rooms/look.py",
        "around(state.maze, room, state.opened)",
        "around(state.maze, room, state.taken)",
        ROOMS,
    ),
    "a heading that follows from the layout": Fault(
        "envs/mujoco/rooms/stage.py",
        "(drawn[:, 1] * HEADINGS)",
        "(drawn[:, 0] * HEADINGS)",
        ROOMS,
    ),
    "one television for all worlds": Fault(
        "envs/mujoco/walking/television.py",
        "return chance.uniform(num, self.num, 3)",
        "return chance.uniform(num, self.num, 3)[:1].expand(num, -1, -1)",
        "tests/envs/mujoco/walking/test_walker.py",
    ),
    "a goal that frames show elsewhere": Fault(
        "envs/mujoco/hard/hall.py",
        'look.put("goal", goal)',
        "pass",
        "tests/envs/mujoco/hard/test_seen.py",
    ),
    "demonstrations imitated without their burn-in": Fault(
        "experiments/train/imitation.py",
        "        config.burn_in,\n",
        "        0,\n",
        "tests/experiments/train/test_imitation.py",
    ),
    "tiles of Doom's map with their axes swapped": Fault(
        "envs/doom/facts.py",
        "x, y = plan.tile(place)",
        "y, x = plan.tile(place)",
        "tests/envs/doom/test_facts.py",
    ),
    "worlds that are probed whatever the seed": Fault(
        "experiments/probe/played.py",
        "env.reset(seed), policy",
        "env.reset(0), policy",
        "tests/experiments/probe/test_frames.py",
    ),
}
