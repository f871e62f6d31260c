"""Settings of hosts that were in use before unilab: packages, repositories, configuration files."""
