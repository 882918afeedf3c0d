"""What must hold before a commit, apart from the tests: `./mdd check` finds it, `./mdd fix` mends what it can."""
