-- Rights of data subjects, and retention.

