"""File formats behind `taeda.save` and `taeda.load`. Private; the public names are in
`taeda.serialization`."""

__all__: list[str] = []
