"""Running the program: spawning it, hearing its agent, stopping and reaping it."""
