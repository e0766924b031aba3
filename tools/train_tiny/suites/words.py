"""The words that the suites draw values from: few and common ones, so that each is a token."""

# No name stands in two of the lists, so that a value tells what it is.
FIRST_NAMES = (
    "Anna", "Otto", "Emma", "Paul", "Lena", "Hugo", "Clara", "Oscar", "Nora", "Felix",
    "Ida", "Max", "Julia", "Peter", "Marta", "Simon", "Eva", "David", "Laura", "Jonas",
    "Helen", "Martin", "Sofia", "Tom", "Alice", "Robert", "Maria", "Leo", "Greta", "Henry",
    "Lucy", "Adam", "Sara", "Daniel", "Ruth", "Victor", "Ella", "Frank", "Irene", "Karl",
    "Rosa", "George", "Vera", "Walter", "Dora", "Samuel", "Olga", "Erik", "Nina", "Arthur",
    "Mary", "Ben", "Kate", "Albert", "Julie", "Philip", "Agnes", "Thomas", "Linda", "Ivan",
)
TOWNS = (
    "Oslo", "Bergen", "Paris", "Rome", "Madrid", "Lisbon", "Vienna", "Berlin", "Hamburg", "Dublin",
    "London", "Bristol", "Dover", "Leeds", "York", "Cork", "Athens", "Cairo", "Tunis", "Malta",
    "Naples", "Genoa", "Venice", "Milan", "Turin", "Lyon", "Nice", "Brest", "Bordeaux", "Geneva",
    "Zurich", "Basel", "Prague", "Warsaw", "Riga", "Tallinn", "Helsinki", "Kiel", "Bremen", "Lima",
    "Quito", "Boston", "Dallas", "Denver", "Tokyo", "Osaka", "Sydney", "Perth",
)
GOODS = (
    "rice", "salt", "tea", "coffee", "sugar", "flour", "milk", "butter", "cheese", "bread",
    "apples", "pears", "lemons", "plums", "cherries", "nuts", "beans", "corn", "potatoes", "onions",
    "eggs", "fish", "honey", "wine", "oil", "soap", "paper", "books", "pens", "lamps",
    "chairs", "tables", "clocks", "mirrors", "shoes", "coats", "hats", "gloves", "wool", "cotton",
    "silk", "ropes", "sails", "nails", "bricks", "tiles", "glass", "copper", "iron", "coal",
)
SHIPS = (
    "Otter", "Heron", "Falcon", "Dolphin", "Seagull", "Comet", "Aurora", "Pioneer", "Voyager",
    "Neptune", "Mermaid", "Albatross", "Triton", "Orion", "Phoenix", "Swallow", "Pelican",
    "Explorer", "Meteor", "Polaris",
)
PET_NAMES = (
    "Milo", "Luna", "Bella", "Rex", "Coco", "Daisy", "Rocky", "Ginger", "Pepper", "Biscuit",
    "Shadow", "Lucky", "Misty", "Bruno", "Simba", "Ruby", "Toffee", "Snowy", "Buddy", "Pearl",
)
ANIMALS = ("dog", "cat", "horse", "goat", "parrot", "rabbit")
COLOURS = (
    "red", "blue", "green", "yellow", "white", "black", "brown", "grey", "purple", "pink",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
JOBS = (
    "baker", "teacher", "doctor", "farmer", "nurse", "painter", "pilot", "sailor", "lawyer", "cook",
    "driver", "writer",
)
LANGUAGES = ("English", "French", "German", "Spanish", "Italian", "Polish", "Danish", "Greek")
THINGS = (
    "key", "map", "lamp", "rope", "ladder", "hammer", "ticket", "letter", "camera", "compass",
    "radio", "basket", "bucket", "knife", "tent", "blanket",
)

# Each is to be one token, at the beginning of a text and behind a space.
ALL = (*FIRST_NAMES, *TOWNS, *GOODS, *SHIPS, *PET_NAMES, *ANIMALS, *COLOURS, *WEEKDAYS, *JOBS,
       *LANGUAGES, *THINGS)


def clock_time(rng):
    """A time of day on the five minutes, such as "06:40"."""
    return f"{rng.randrange(24):02d}:{rng.randrange(12) * 5:02d}"


def listed(words):
    """The words as a sentence lists them: "rice, salt and tea"."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
