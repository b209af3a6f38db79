-- Evidence as it was published.

