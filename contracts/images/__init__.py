"""Images that users supply: container archives and prebuilt unikernels, read within bounds."""
