"""What Linux's /proc says of a process (proc(5)). Shared by drivers."""


def fields(pid: int) -> list[str]:
    """Fields 3 and on of ``/proc/PID/stat`` (state, parent, group, session …); [] when it has
    ended, also while nobody has taken note of that yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            found = file.read().rpartition(")")[2].split()
    except OSError:
        return []
    return [] if found[0] in "ZX" else found


def born(pid: int) -> str:
    """When a process began, in ticks since boot; "" when it has ended. Tells reuse of an id."""
    found = fields(pid)
    return found[19] if found else ""
