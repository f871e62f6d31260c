"""Manifests in Capstan's two forms: what a service consists of and how it is run."""
