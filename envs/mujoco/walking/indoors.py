"""A scene indoors: a walker between floor and ceiling, a lamp, and what is sought."""

from envs.mujoco.walking.walker import FIRM, TIME_STEP, Walker

HIGH = 2.5
"""metres from the floor to the ceiling"""
_GOLD, _WHITE = "1 0.82 0.1 1", "0.95 0.95 0.95 1"


def indoors(name: str, bodies: str, things: str) -> str:
    """The XML of a whole scene.

    Geoms are met by nobody unless they say so (`contype`, `conaffinity`).

    Args:
        name: of the model.
        bodies: that move, right behind the walker: their joints follow its three.
        things: all others, walls among them.
    """
    return f"""
    <mujoco model="{name}">
      <option timestep="{TIME_STEP}" gravity="0 0 0" integrator="implicitfast"/>
      <visual>
        <headlight ambient="0.45 0.45 0.45" diffuse="0.35 0.35 0.35"
          specular="0 0 0"/>
        <map zfar="60"/>
      </visual>
      <statistic extent="1"/>
      <default>
        <geom contype="0" conaffinity="0" {FIRM}/>
      </default>
      <worldbody>
        <light name="lamp" directional="true" dir="-0.5 0.3 -1" castshadow="false"
          ambient="0 0 0" diffuse="0.4 0.4 0.4" specular="0 0 0"/>
        {Walker.body}
        {bodies}
        <geom name="floor" type="plane" size="0 0 1" rgba="0.42 0.4 0.38 1"/>
        <geom name="ceiling" type="plane" size="0 0 1" pos="0 0 {HIGH}"
          euler="180 0 0" rgba="0.8 0.8 0.82 1"/>
        {things}
      </worldbody>
      <actuator>{Walker.motors}</actuator>
    </mujoco>"""


def golden_cube(x: float = 0.0) -> str:
    """The geoms `goal` and `pillar`: a cube on its corner, on a pillar at x metres."""
    return f"""
        <geom name="goal" type="box" size="0.22 0.22 0.22" pos="{x} 0 0.95"
          euler="54.7 0 45" rgba="{_GOLD}"/>
        <geom name="pillar" type="box" size="0.14 0.14 0.3" pos="{x} 0 0.3"
          rgba="{_WHITE}"/>"""
