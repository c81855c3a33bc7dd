"""The synthetic river: rain falls, runs off and travels downstream.

A pure function of time and place, so the example needs no network and every run, on every
machine, sees the same floods. Rain comes in blocks of six hours; each block makes a wave that
rises and falls (a gamma unit hydrograph), travels at a steady speed and flattens on its way.
"""

from math import exp, sin, tau

BLOCK_HOURS = 6.0  # rain is constant within a block
REMEMBERED = 14  # blocks whose water is still in the river: three and a half days
WAVE_KM_PER_HOUR = 7.0
RISE_HOURS = 5.0  # from rain to crest at the source
CM_PER_MM = 2.6  # crest height for each millimetre of rain


def rain_mm(block: int) -> float:
    """Rain in the block with this number since 1970: dry two times in three, else up to 22 mm."""
    # An integer hash (Knuth's multiplicative, folded): spread evenly, the same everywhere.
    mixed = (block * 2654435761) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 15)) * 2246822519) & 0xFFFFFFFF
    share = (mixed >> 8) / 0xFFFFFF
    return max(0.0, share * 3 - 2) * 22.0


def runoff(hours: float, rise: float) -> float:
    """How much of a wave passes ``hours`` after the rain: 0 before, 1 at ``rise``, then falling."""
    if hours <= 0:
        return 0.0
    return (hours / rise) * exp(1 - hours / rise)


def level_cm(at: float, km: float, normal_cm: float) -> float:
    """The level at ``at`` (seconds since 1970), ``km`` below the source.

    ``normal_cm`` is the level with no rain about.
    """
    hours = at / 3600 - km / WAVE_KM_PER_HOUR  # the time at which this water left the source
    rise = RISE_HOURS + km / 40
    flatter = RISE_HOURS / rise
    block = int(hours // BLOCK_HOURS)
    wave = sum(
        rain_mm(each) * runoff(hours - each * BLOCK_HOURS, rise)
        for each in range(block - REMEMBERED, block + 1)
    )
    mill = 1.2 * sin(tau * (at / 5400 + km / 11))  # the weir up at the mill opens and shuts
    return round(normal_cm + wave * CM_PER_MM * flatter + mill, 1)
