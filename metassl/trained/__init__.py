"""A trained learner as a thing: its weights, what it is built of, and what its training inputs were like.

`build` makes a learner of its parts. `facts` says what tasks it was trained on, `likeness` whether other
pictures are like theirs, and `pictures` makes them so; `encoder` makes vectors of them for a learner of such.
`folder` writes all of it as files and reads them, and `widening` gives a learner of N classes the places for
more. Nothing here needs the training's data.
"""
