"""harness/fdlab/klass: a class: many submissions graded side by side by GNU Make, one result each, tables of them all.

`make class LAB=lab2 SUBMISSIONS=dir -j4` calls it. roster: who has handed in what. plan: who is to be graded (anew), as a makefile.
one: grades one of them. progress: lets make run, and says how far it is. shard: which part is this machine's. report: the table,
class.csv. page: class.html and a page for each student.
"""
