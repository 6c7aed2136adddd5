"""`python -m ruler.cli` does what `ruler` does."""

from ruler.cli.main import main

if __name__ == "__main__":
    main()
