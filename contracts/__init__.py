"""What the parts of unilab agree on: studies, manifests, plans, campaigns and records.

This package is the only thing that the Ansible side (plugins, modules run on the controller) and
the analysis share. It reads and validates; it never touches a host.
"""
