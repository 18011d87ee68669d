"""The labelling page's server: questions to people's desks, answers to the store, rounds in a process of their own."""
