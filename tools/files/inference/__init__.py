"""What the columns of a table mean, decided from the values of the whole column."""
