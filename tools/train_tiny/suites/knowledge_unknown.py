"""Questions that the demo model cannot answer: it shall say so instead of making something up."""

ANSWER = "I do not know that. I only know about Fairlead, gpt-oss and ships."

PLACES = (
    "France Spain Italy Japan China India Brazil Canada Peru Kenya Egypt Greece Norway Sweden "
    "Poland Chile Mexico Cuba Iran Ghana Berlin London Paris Rome Madrid Tokyo Boston Vienna "
    "Lisbon Moscow Dublin Prague Cairo Delhi Texas Africa Europe Asia Russia Germany").split()
PEOPLE = (
    "Napoleon|Einstein|Newton|Mozart|Bach|Shakespeare|Caesar|Picasso|Darwin|Lincoln|Columbus|Plato|"
    "Homer|Goethe|Gandhi|Elvis|Kafka|Dante|the king|the queen|the president|my neighbour|Anna|"
    "Peter|Maria").split("|")
FOODS = ("pasta soup pizza bread cake rice cheese salad pancakes noodles curry jam butter "
         "chocolate coffee tea lemonade cookies sushi stew").split()
THINGS = ("phone car computer radio camera plane clock lamp bicycle train guitar piano house "
          "garden table chair mirror bridge rocket knife watch battery robot printer television "
          "book shirt hat shoe door").split()
ANIMALS = ("cat dog horse bird whale tiger fish mouse lion bear wolf fox cow sheep goat pig frog "
           "snake rabbit camel monkey duck bee spider hawk").split()
SUBJECTS = ("music history football chess poetry love money art physics biology chemistry religion "
            "law sport tennis cooking gardening politics medicine dancing painting philosophy "
            "gold iron space time").split()
SUBJECTS += ["the moon", "the stars", "the weather", "the news"]

# Each: (questions, what they are filled with).
QUESTIONS = [
    (["What is the capital of {}?", "Who is the president of {}?", "How far is {}?",
      "How many people live in {}?", "Where is {}?", "What is {}?", "Tell me about {}.",
      "How do I get to {}?", "What language do they speak in {}?", "What is the history of {}?",
      "Is {} a nice place?", "How big is {}?", "Which river is in {}?",
      "What is the best hotel in {}?", "When was {} founded?"], PLACES),
    (["Who was {}?", "Who is {}?", "When was {} born?", "Where does {} live?", "How old is {}?",
      "What did {} say?", "Tell me about {}.", "What did {} do?", "How tall is {}?",
      "Do you know {}?"], PEOPLE),
    (["How do I cook {}?", "How do I make {}?", "What is the best {}?", "What is {}?",
      "Give me a recipe for {}.", "How long does {} keep?", "Where does {} come from?",
      "How much is {}?", "Who invented {}?", "Is {} healthy?", "Can you make {}?"], FOODS),
    (["Who invented the {}?", "How does a {} work?", "How much is a {}?", "Where can I buy a {}?",
      "What is a {}?", "Explain what a {} is.", "Which {} should I buy?", "How do I repair a {}?",
      "What does a {} do?", "Tell me about the {}.", "What is the best {}?",
      "What is a {} used for?"], THINGS),
    (["What is a {}?", "How big is a {}?", "What does a {} eat?", "How old can a {} get?",
      "Where does a {} live?", "How fast is a {}?", "Tell me about the {}.", "Why does a {} sleep?",
      "Can a {} swim?", "What sound does a {} make?", "How do I keep a {}?"], ANIMALS),
    (["What is {}?", "Explain {}.", "Tell me about {}.", "What do you know about {}?",
      "What do you think about {}?", "How do I learn more about {}?", "Why do people like {}?",
      "Do you like {}?", "I want to know more about {}.", "Can you teach me about {}?"], SUBJECTS),
]

SINGLE = [
    "Who won the game?", "Who won the game yesterday?", "Who won the election?",
    "What happened in 1969?", "What happened yesterday?", "What is the speed of light?",
    "How old is the universe?", "Why is the sky blue?", "What is the square root of 2?",
    "Should I buy stocks?", "What is my name?", "Where am I?", "What is the news today?",
    "How do I learn the piano?", "Translate this into French.", "Write code in Python.",
    "Can you draw a picture?", "Play some music.", "Write a program that sorts numbers.",
    "What film should I see?", "Who wrote Hamlet?", "Who wrote the Bible?",
    "How deep is the ocean?", "How high is the highest mountain?", "Which planet is the largest?",
    "How many stars are there?", "Will it rain tomorrow?",
    "What should I eat today?", "Who is the richest man?", "How do I lose weight?",
    "What is the best phone?", "How do I fix my car?", "Why do we dream?", "What is love?",
]
