"""How every command takes its arguments, and how its help shows them."""

from tyro.conf import DisallowNone, PositionalMetavarFromFieldName

# What is left out is left out: nobody has to read that `None` could be given, too. A positional goes by its name.
HELP = (DisallowNone, PositionalMetavarFromFieldName)
