"""`python -m daemon` is `receiptwatch`."""

from daemon.cli import main

if __name__ == "__main__":
    main()
