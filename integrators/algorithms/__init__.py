"""Training algorithms, a file a family: each class is one definition, and every tool reads it from here."""
