"""Short explanations, written by hand for the demo model: ways to begin, then details in order.

Any detail may be left out, so each makes sense on its own; "it" is always the topic.
"""

# topic: (names for a question, definitions, details)
SHIPPING = {
    "fairlead": (["a fairlead"], [
        "A fairlead is a ring or block that guides a rope and keeps it from rubbing.",
        "A fairlead is a smooth guide through which a rope runs on its way to a winch or a cleat.",
    ], [
        "It is bolted to the deck or to the rail of a ship.",
        "Without it the rope would rub on a sharp edge and wear through.",
        "A good fairlead has no corners and turns the rope gently.",
        "It does no work of its own, but it leads the work of others to the right place.",
        "Sailors look at it after every storm, because a loose bolt can cut a rope in an hour.",
        "The best fairleads are made of bronze or hard wood.",
    ]),
    "rope": (["a rope", "rope"], [
        "A rope is made of many thin fibres that are twisted together.",
        "A rope is a bundle of strands that hold each other by friction.",
    ], [
        "First the fibres are spun into yarns, and then the yarns are twisted into strands.",
        "Three strands are laid together the other way, so that the rope does not unwind.",
        "On a ship most ropes are called lines, and each line has its own name.",
        "A wet rope is heavier than a dry one, and it freezes hard in winter.",
        "Salt and sand wear a rope from the inside, where nobody sees it.",
        "A careful crew washes its ropes in fresh water and dries them in the shade.",
        "When a rope is too old to carry a load, it can still become a mat or a fender.",
    ]),
    "bowline": (["a bowline"], [
        "A bowline is a knot that makes a loop at the end of a rope.",
        "The bowline is a loop that does not slip and does not jam.",
    ], [
        "It holds well under load and is easy to untie afterwards.",
        "Sailors use it to tie a boat to a post or to a ring.",
        "Many people learn it as the first knot of their life.",
        "It can shake loose when there is no load, so a careful sailor leaves a long end.",
        "With some practice it can be tied with one hand.",
    ]),
    "reef knot": (["a reef knot"], [
        "A reef knot joins the two ends of one line around a bundle.",
        "The reef knot is a flat knot that is tied left over right and then right over left.",
    ], [
        "It was used to tie up part of a sail when the wind grew strong.",
        "It should not be used to join two ropes, because it can slip.",
        "If one end is pulled hard, the knot falls open.",
        "It is quick to tie, even with cold hands.",
    ]),
    "anchor": (["an anchor"], [
        "An anchor is a heavy hook that holds a ship in its place.",
        "An anchor keeps a ship from drifting when there is no quay to tie it to.",
    ], [
        "It digs into sand or mud when the ship pulls on the chain.",
        "The chain is as important as the anchor, because its weight keeps the pull low.",
        "In a strong wind the crew lets out more chain.",
        "A rocky bottom is bad for anchoring, because the hook slides or gets stuck.",
        "Someone must watch at night and see that the ship has not moved.",
        "Small boats carry a light anchor that one person can lift.",
    ]),
    "capstan": (["a capstan"], [
        "A capstan is an upright drum that pulls in heavy ropes and chains.",
        "The capstan is a turning drum on the deck, and a rope is wound around it.",
    ], [
        "In the old days the crew pushed it round with long bars.",
        "They often sang while they walked, so that all of them pushed at the same time.",
        "A small iron finger called a pawl keeps it from running back.",
        "Three turns of rope are enough to hold a great load.",
        "Today most capstans are driven by a motor.",
    ]),
    "block": (["a block", "a pulley"], [
        "A block is a pulley in a wooden or metal case.",
        "On a ship a pulley is called a block.",
    ], [
        "It changes the direction of a rope, or it makes a load easier to lift.",
        "With two blocks and one long rope a single person can lift a heavy barrel.",
        "What is gained in force is lost in distance, so much rope must be pulled.",
        "A dry block squeaks, and a little grease makes it quiet again.",
        "The wheel inside a block is called a sheave.",
    ]),
    "lighthouse": (["a lighthouse"], [
        "A lighthouse is a tower with a strong lamp at the top.",
        "A lighthouse shows ships where the coast is when the night is dark.",
    ], [
        "Each lighthouse has its own rhythm of light, so that sailors know which one they see.",
        "In the old days a keeper lit the lamp every evening and put it out in the morning.",
        "The keeper also cleaned the glass, because dirty glass makes a weak light.",
        "A curved lens turns a small flame into a beam that can be seen for many miles.",
        "In fog the light is of little use, and a horn is sounded instead.",
        "Today most lighthouses work without a keeper.",
    ]),
    "tide": (["the tide"], [
        "The tide is the rise and fall of the sea.",
        "The tide moves the sea up and down because the moon and the sun pull on the water.",
    ], [
        "On many coasts there are two high tides and two low tides in a day.",
        "The tide comes a little later every day, because the moon moves on.",
        "At full moon and at new moon the tide is strongest.",
        "A ship with a deep keel must wait for high water before it can enter a shallow harbour.",
        "Ropes at the quay must be long enough for low water.",
        "Every harbour has a table that tells the hour of high water.",
    ]),
    "fog": (["fog"], [
        "Fog is a cloud that lies on the ground or on the sea.",
        "Fog forms when warm, wet air meets cold water.",
    ], [
        "It is made of very small drops of water.",
        "In fog a sailor hears more than he sees.",
        "Ships move slowly then and sound a horn every two minutes.",
        "Sound seems to come from everywhere, so it is hard to know where a bell is.",
        "The morning sun or a fresh wind drives the fog away.",
    ]),
    "wind": (["the wind", "wind"], [
        "Wind is air that moves from high pressure to low pressure.",
        "The wind blows because the sun does not warm every place equally.",
    ], [
        "A wind is named after the place it comes from, so a north wind blows to the south.",
        "Near the coast the wind often blows from the sea by day and from the land at night.",
        "A light wind fills the sails, and a storm tears them.",
        "Sailors watch the clouds and the colour of the water to see a gust before it comes.",
        "When the wind blows against the tide, the waves become short and steep.",
        "A ship cannot sail straight into the wind, but it can go there in a zigzag.",
    ]),
    "compass": (["a compass"], [
        "A compass is a needle that points to the north.",
        "A compass shows the direction, even when there is no land and no star to be seen.",
    ], [
        "The needle is a small magnet, and the earth is a large one.",
        "Iron near the compass turns the needle away, so knives and tools are kept far from it.",
        "The needle does not point exactly to the north, and the chart tells by how much it errs.",
        "On a ship it floats in a bowl, so that it stays level in the waves.",
        "A sailor who trusts the compass and keeps a careful log will find the way home.",
    ]),
    "keel": (["a keel"], [
        "The keel is the backbone of a ship.",
        "The keel is the long beam that runs along the bottom of a ship.",
    ], [
        "When a ship is built, the keel is laid first.",
        "A deep and heavy keel keeps a sailing ship upright.",
        "It also keeps the ship from being pushed sideways by the wind.",
        "A boat with a flat bottom can go where a deep keel would touch the sand.",
    ]),
    "sail": (["a sail"], [
        "A sail is a large piece of strong cloth that catches the wind.",
        "A sail turns the wind into motion.",
    ], [
        "When the wind comes from the side, the sail works like a wing.",
        "It is made of several pieces, and a seam joins each piece to the next.",
        "In a strong wind part of the sail is tied up, and this is called reefing.",
        "Sun and salt make the cloth weak after some years.",
        "A small hole must be mended at once, because the wind makes it larger.",
        "A dry sail is folded and kept in a bag.",
    ]),
    "rudder": (["a rudder"], [
        "The rudder is a flat board at the back of a ship that steers it.",
        "A rudder steers a ship by pushing the water to one side.",
    ], [
        "It is turned with a tiller or with a wheel.",
        "It works only while the ship moves through the water.",
        "If the tiller is pushed to the left, the ship turns to the right.",
        "A ship that has lost its rudder can be steered with a long oar.",
    ]),
    "cleat": (["a cleat"], [
        "A cleat is a piece of wood or metal with two horns, and a rope is tied to it.",
        "A cleat holds a rope without a knot.",
    ], [
        "The rope goes once around the base and then crosses over the horns.",
        "A last turn locks the rope, and it can be freed in a moment.",
        "A cleat must be bolted through the deck, because screws alone would be pulled out.",
        "There is a cleat on every quay and on every boat.",
    ]),
    "buoy": (["a buoy"], [
        "A buoy is a floating mark that is held in its place by an anchor.",
        "A buoy shows sailors where the deep water is and where the rocks are.",
    ], [
        "Its colour and its shape tell on which side a ship must pass.",
        "Some buoys carry a bell that rings in the waves.",
        "Many buoys carry a lamp for the night.",
        "After a winter storm a buoy may lie in the wrong place, so it is checked in spring.",
    ]),
    "chart": (["a chart"], [
        "A chart is a map of the sea.",
        "A chart shows the coast, the depth of the water and every rock that is known.",
    ], [
        "The small numbers on it are depths.",
        "It also shows lights, buoys and good places to anchor.",
        "A sailor draws the course with a soft pencil, so that it can be rubbed out.",
        "An old chart can be wrong, because sand moves from year to year.",
        "A chart must be kept dry and flat.",
    ]),
    "harbour": (["a harbour"], [
        "A harbour is a place where ships are safe from the waves.",
        "A harbour is a piece of calm water between the land and a strong wall.",
    ], [
        "Ships lie there while they are loaded, mended or simply waiting for better weather.",
        "The wall breaks the waves before they can reach the boats.",
        "At the quay there are rings and posts for the ropes.",
        "A harbour needs people who know it: a harbour master, a pilot and someone at the crane.",
        "In a small harbour everybody knows every boat by the sound of its engine.",
        "At low tide one can see how deep the harbour really is.",
    ]),
    "ship": (["a ship"], [
        "A ship is a large boat that carries people and goods across the sea.",
        "A ship floats because it pushes away as much water as it weighs.",
    ], [
        "The front of a ship is called the bow, and the back is called the stern.",
        "The left side is called port, and the right side is called starboard.",
        "A ship with much cargo lies deep in the water.",
        "The crew works in watches, so that someone is awake at every hour.",
        "A ship is looked after all the time, because the sea never stops working on it.",
        "Most ships have a name, and sailors say that it is bad luck to change it.",
    ]),
    "splice": (["a splice"], [
        "A splice joins two ropes without a knot.",
        "A splice is made by weaving the strands of one rope into another.",
    ], [
        "It is stronger than a knot and runs smoothly through a block.",
        "The strands are opened with a pointed tool called a fid.",
        "Each strand goes over one strand and under the next.",
        "Three full rounds are enough for a rope of hemp, and five are better.",
        "A good splice is hard to see.",
    ]),
    "caulking": (["caulking"], [
        "Caulking makes the seams of a wooden boat tight.",
        "Caulking means to fill the gaps between the planks of a boat.",
    ], [
        "Old rope fibres, called oakum, are driven into the seam with a mallet.",
        "Then the seam is closed with hot tar.",
        "The work is slow, and it must be done on a dry day.",
        "Wet wood swells, so a boat leaks less after a day in the water.",
        "A boat that is caulked well stays dry for years.",
    ]),
}

MODELS = {
    "Fairlead": (["Fairlead"], [
        "Fairlead is a program that runs gpt-oss models.",
        "Fairlead is a small engine for language models, written in C++.",
        "Fairlead reads a model from a folder and writes text.",
    ], [
        "It is named after the ring that guides a rope on a ship.",
        "The model is written down once, and each backend runs the same graph.",
        "One backend is plain and slow, so that the others can be checked against it.",
        "Its numbers are compared with those of Hugging Face at every step.",
        "It reads the weights as they are stored, without a copy of the whole model.",
        "A prompt gives the same answer alone and in a batch.",
        "When a file is broken, it says what is wrong and does not crash.",
        "The text you are reading may have been written by the small model that comes with it.",
    ]),
    "gpt-oss": (["gpt-oss"], [
        "gpt-oss is a family of language models with open weights.",
        "The name gpt-oss stands for two open models, a large one and a smaller one.",
    ], [
        "The smaller model has 24 layers, and the larger one has 36.",
        "Each layer has one part for attention and one part with many experts.",
        "For each token only four experts do the work.",
        "The weights of the experts are stored with four bits each.",
        "Half of the layers look at the whole text, and the others see only the last 128 tokens.",
        "The models answer in channels, so that thinking and answer are kept apart.",
        "The smaller model needs about 14 gigabytes.",
    ]),
    "mixture of experts": (["a mixture of experts"], [
        "A mixture of experts is a layer with many small networks, of which only a few are used.",
        "In a mixture of experts each token is sent to the experts that suit it best.",
    ], [
        "A router gives a score to every expert.",
        "The experts with the highest scores do the work, and their results are added.",
        "The other experts rest, so the layer is large but still fast.",
        "In training a small penalty keeps the load even.",
        "Without the penalty some experts would never be chosen and would learn nothing.",
    ]),
    "router": (["a router"], [
        "The router decides which experts a token goes to.",
        "The router is a small matrix that scores every expert for every token.",
    ], [
        "Only the best scores are kept.",
        "A softmax over the chosen scores gives the weights of the experts.",
        "If two scores are almost equal, a small error can change the choice.",
        "That is why its input is kept in full precision.",
    ]),
    "MXFP4": (["MXFP4"], [
        "MXFP4 is a way to store numbers with four bits each.",
        "MXFP4 stores a weight in four bits, and 32 weights share one scale.",
    ], [
        "One bit is the sign, two bits are the exponent and one bit is the mantissa.",
        "The values are 0, 0.5, 1, 1.5, 2, 3, 4 and 6, each with a sign.",
        "The shared scale is a power of two and takes eight bits.",
        "So a block of 32 weights needs 17 bytes.",
        "With the scale a weight needs 4.25 bits, "
        "so a large model becomes almost four times smaller.",
        "Two codes are packed into one byte, and the low half comes first.",
        "It works well because many small errors cancel each other.",
    ]),
    "attention": (["attention"], [
        "Attention lets each token look back at the tokens before it.",
        "Attention is the part of a model that moves information from one token to another.",
    ], [
        "Each token has a query, a key and a value.",
        "The query is compared with every key, and a good match gives a high score.",
        "A softmax turns the scores into shares.",
        "The result is the sum of the values, each weighted by its share.",
        "Several heads do this side by side, and each head can look for something else.",
        "A token never looks at the tokens after it.",
    ]),
    "attention sink": (["an attention sink"], [
        "An attention sink is one more score in the softmax that belongs to no token.",
        "An attention sink is a learned number that takes a share of the attention.",
    ], [
        "It lets a head look at nothing when there is nothing to see.",
        "Each head has its own sink, and it is learned with the other weights.",
        "The share of the sink is dropped, so the other shares add up to less than one.",
        "Without it the shares must add up to one, and a head is forced to look somewhere.",
        "It costs almost nothing, since it is only one number for each head.",
    ]),
    "sliding window": (["a sliding window"], [
        "A sliding window is a limit on how far back a layer can see.",
        "With a sliding window each token sees only the last tokens before it.",
    ], [
        "Old keys and values can be thrown away, so the memory does not grow.",
        "The window counts the token itself.",
        "In gpt-oss every second layer has a window of 128 tokens.",
        "The other layers see everything, so nothing is lost for good.",
        "In this small model the window is 64 tokens wide.",
    ]),
    "KV cache": (["a KV cache"], [
        "The KV cache keeps the keys and values of the tokens that were already read.",
        "A KV cache saves a model from reading the whole text again for each new token.",
    ], [
        "It grows with every token.",
        "It is cut into pages, so that many texts can share the same memory.",
        "When a text is finished, its pages are given to the next one.",
        "Fewer key heads make it smaller, because several query heads read the same keys.",
    ]),
    "tokenizer": (["a tokenizer"], [
        "A tokenizer cuts text into tokens, which are short pieces of text with a number.",
        "A tokenizer turns text into numbers and numbers into text.",
    ], [
        "It starts with single bytes, so every text can be written.",
        "Pairs that are often seen together are merged into longer pieces.",
        "A common word is one token, and a rare word is several.",
        "A space belongs to the word after it.",
        "The tokenizer of gpt-oss knows about 200,000 tokens, "
        "and this small one knows about 1,000.",
        "Special tokens mark the beginning and the end of a message.",
    ]),
    "rotary positions": (["a rotary position"], [
        "Rotary positions tell a model where a token stands in the text.",
        "With rotary positions each pair of numbers in a key is turned by an angle.",
    ], [
        "The angle grows with the position.",
        "The score of two tokens then depends on the distance between them.",
        "Some pairs turn fast and others turn slowly, like the hands of a clock.",
        "A method called YaRN slows down some of them, so that the model can read longer texts.",
    ]),
    "normalization": (["RMSNorm"], [
        "RMSNorm brings a row of numbers to a common size.",
        "RMSNorm divides a row of numbers by the root of their mean square.",
    ], [
        "It stands before each part of a layer.",
        "A learned weight then stretches each number again.",
        "A tiny constant keeps it from dividing by zero.",
        "It makes training steady, because no number can grow without limit.",
    ]),
    "temperature": (["temperature"], [
        "Temperature decides how bold a model is when it chooses the next token.",
        "Temperature is a number by which all scores are divided before a token is drawn.",
    ], [
        "A low temperature gives safe and plain text.",
        "A high temperature gives more surprise and more mistakes.",
        "At zero the model always takes the best token, and this is called greedy.",
        "The same seed and the same prompt give the same text again.",
    ]),
    "language model": (["a language model"], [
        "A language model guesses the next token of a text.",
        "A language model is a program that continues a text, one token after the other.",
    ], [
        "It has read much text and knows what usually comes next.",
        "For every token in its vocabulary it computes a score.",
        "One token is chosen, added to the text, and the work begins again.",
        "What it writes sounds right, but it is not always true.",
        "A large model knows many things, and a small one knows only what it was told often.",
    ]),
    "small model": (["this small model"], [
        "This small model was trained for a few minutes on one core of a computer.",
        "I am a very small language model, and I only know about ships and ropes.",
        "Hello. I am a small model, and I tell short stories about the sea.",
    ], [
        "It has about two million weights, and most of them are in its experts.",
        "It has four layers with eight experts each, and two experts work for each token.",
        "All of its text was made for it: stories about harbours, ropes, tools and weather.",
        "It cannot answer questions about the rest of the world.",
        "It is there to show that the program works.",
        "It has the same parts as a large model, only smaller.",
    ]),
    "checkpoint": (["a checkpoint"], [
        "A checkpoint is a folder with the weights of a model.",
        "A checkpoint holds everything that is needed to run a model.",
    ], [
        "The file config.json tells how many layers the model has and how wide they are.",
        "The weights are kept in a file called model.safetensors.",
        "A header lists the name, the type and the shape of each tensor.",
        "A large model is split into several files, and an index tells where each tensor is.",
        "A careful program checks every shape before it trusts a file.",
    ]),
    "harmony": (["harmony"], [
        "Harmony is the format in which gpt-oss models hold a conversation.",
        "Harmony is a way to write down a conversation as tokens.",
    ], [
        "Each message has a role, and an answer also has a channel.",
        "The model thinks in one channel and answers in another one.",
        "Special tokens mark where a message starts and where it ends.",
        "A call to a tool is a message too, and it names the tool.",
        "A program must read the format with care, because a model makes mistakes now and then.",
    ]),
}

INTRODUCTIONS = [
    "What is {name}? ", "Many people ask what {name} is. ", "Let us look at {name}. ",
    "Here is a short note about {name}. ",
]

CLOSINGS = [
    "That is all there is to it.", "The idea is simple, and it works.", "It is worth knowing.",
    "More is not needed to understand it.", "The rest is practice.",
]
