"""`shiftboss demo`: a batch on real files, with a server and workers of its own."""
