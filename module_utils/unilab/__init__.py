"""The work behind unilab's modules: plain Python, tested without Ansible."""
