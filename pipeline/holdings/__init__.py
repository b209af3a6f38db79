"""What is held, of whom, from whom, under which agreement and how long; and the paper that shows it.

Lineage by column, data that no agreement covers any more, the documents generated from the declarations, the page of
what is held, and the evidence pack. Reads the live database and the declarations; links, forms and evaluates nothing.
"""
