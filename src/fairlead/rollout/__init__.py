"""Look, plan, do the first wave, look again. The only room that carries out steps."""
