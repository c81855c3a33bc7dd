"""The profile under which a planted fault is looked for: many worlds, no time spent on
making the example small, the same worlds on every run."""

from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "planted",
    max_examples=1500,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
    report_multiple_bugs=False,
)
