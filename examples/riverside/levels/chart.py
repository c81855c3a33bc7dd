"""A day behind and a day ahead, as SVG paths. Pure: numbers in, path text out."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 120
HOURS = 24.0  # to each side of now
LEAST_SPAN_CM = 30.0  # a calm river should look calm
MARGIN_CM = 4.0


@dataclass(frozen=True)
class Chart:
    """What the page draws; every text is ready for an SVG attribute."""

    observed: str  # the line so far
    area: str  # what is under it
    ahead: str  # the line to come
    band: str  # how sure it is
    raised_y: str  # where the threshold is; empty when out of sight
    flood_y: str


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float

    def y(self, cm: float) -> str:
        return f"{HEIGHT - (cm - self.low) / (self.high - self.low) * HEIGHT:.1f}"

    def point(self, hours: float, cm: float) -> str:
        return f"{(hours + HOURS) / (2 * HOURS) * WIDTH:.1f} {self.y(cm)}"

    def line(self, points: Sequence[tuple[float, float]]) -> str:
        return "M" + "L".join(self.point(*each) for each in points) if points else ""

    def mark(self, cm: float) -> str:
        return self.y(cm) if self.low < cm < self.high else ""


def draw(
    observed: Sequence[tuple[float, float]],
    ahead: Sequence[tuple[float, float, float, float]],
    raised_cm: float,
    flood_cm: float,
) -> Chart | None:
    """A chart from ``(hours, cm)`` behind and ``(hours, cm, low, high)`` ahead of now.

    ``None`` when nothing was observed.
    """
    if not observed:
        return None
    scale = _scale([cm for _, cm in observed] + [cm for each in ahead for cm in each[1:]])
    now = observed[-1]
    line = scale.line(observed)
    floor = f"L{scale.point(now[0], scale.low)}L{scale.point(observed[0][0], scale.low)}Z"
    upper = [now] + [(hours, high) for hours, _, _, high in ahead]
    lower = [(hours, low) for hours, _, low, _ in reversed(ahead)]
    return Chart(
        observed=line,
        area=line + floor,
        ahead=scale.line([now] + [(hours, cm) for hours, cm, _, _ in ahead]) if ahead else "",
        band=scale.line(upper + lower) + "Z" if ahead else "",
        raised_y=scale.mark(raised_cm),
        flood_y=scale.mark(flood_cm),
    )


def _scale(levels: Sequence[float]) -> _Scale:
    low, high = min(levels) - MARGIN_CM, max(levels) + MARGIN_CM
    missing = max(0.0, LEAST_SPAN_CM - (high - low))
    return _Scale(low - missing / 2, high + missing / 2)
