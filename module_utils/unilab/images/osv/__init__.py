"""What an OSv guest boots from: loader, file system, disk and command line."""
