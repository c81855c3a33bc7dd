"""Release + Observed → Plan. Pure: no clock, disk, network, process or randomness."""
