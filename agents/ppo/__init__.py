"""PPO on the beliefs of a world model that the policy shares."""
