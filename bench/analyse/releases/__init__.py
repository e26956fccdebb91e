"""The releases of a package, one after the other: what each costs, and where that moved."""
