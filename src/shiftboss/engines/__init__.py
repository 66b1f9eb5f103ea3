"""What runs jobs: one package per engine. They never import one another."""
