# -*- coding: latin-1 -*-
# The declared encoding is what the bytes of this file are read as.
text = "é"
print(len(text), ascii(text))
