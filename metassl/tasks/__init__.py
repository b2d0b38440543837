"""What flows through the house: episodes, what a task looks like from outside, and the stage it is met at."""
