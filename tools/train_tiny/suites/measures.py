"""Units of measure, weekdays, dates and clock times: questions with one right answer.

At low effort only what can be said at once: factors of ten, small multiples, a weekday a few days
away, whole hours. At medium effort the facts and steps are written down; at high effort the way
back follows as a check.

Dates go month by month: `2026-02:26=24+2,28<60,60-28=32` says that February 2026 has 28 days (the
year 26 is no multiple of 4), which is less than the 60 to be placed; 32 are left for March."""

import calendar

from item import Item, Step, Turn

NAME = "measures"

# Singular and plural; the first form of each is the one in keys.
UNITS = {
    "km": (("km", "km"), ("kilometre", "kilometres")),
    "m": (("m", "m"), ("metre", "metres")),
    "cm": (("cm", "cm"), ("centimetre", "centimetres")),
    "mm": (("mm", "mm"), ("millimetre", "millimetres")),
    "t": (("t", "t"), ("tonne", "tonnes")),
    "kg": (("kg", "kg"), ("kilogram", "kilograms")),
    "g": (("g", "g"), ("gram", "grams")),
    "l": (("l", "l"), ("litre", "litres")),
    "ml": (("ml", "ml"), ("millilitre", "millilitres")),
    "h": (("hour", "hours"),),
    "min": (("minute", "minutes"),),
    "s": (("second", "seconds"),),
    "day": (("day", "days"),),
    "week": (("week", "weeks"),),
    "year": (("year", "years"),),
    "month": (("month", "months"),),
    "ft": (("foot", "feet"),),
    "in": (("inch", "inches"),),
    "yd": (("yard", "yards"),),
    "dozen": (("dozen", "dozen"),),
    "egg": (("egg", "eggs"),),
}
# The larger unit, the smaller one, how many of these it is, and the most of the larger asked for.
METRIC = (("km", "m", 1000, 40), ("m", "cm", 100, 99), ("cm", "mm", 10, 99), ("kg", "g", 1000, 40),
          ("t", "kg", 1000, 40), ("l", "ml", 1000, 40))
OTHERS = (("h", "min", 60, 12), ("min", "s", 60, 12), ("day", "h", 24, 9), ("week", "day", 7, 12),
          ("year", "month", 12, 12), ("ft", "in", 12, 12), ("yd", "ft", 3, 30),
          ("dozen", "egg", 12, 12))
METRIC_SHARE, LOW_METRIC_SHARE = 0.4, 0.75
LOW_MOST = 9  # of the larger unit where the factor is no power of ten
WAYS = ("down", "up", "join", "split")
WAY_SHARES = (0.15, 0.15, 0.4, 0.3)

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
FIRST_YEAR, LAST_YEAR = 2000, 2099  # here every fourth year is a leap year
MOST_DAYS, LOW_MOST_DAYS = 60, 9

CONVERSIONS = (
    "How many {to} are {amount}?", "Convert {amount} to {to}.", "What is {amount} in {to}?",
    "{amount} in {to}", "Give {amount} in {to}.")
WEEKDAYS_AFTER = (
    "What day is {n} days after {day}?", "Which weekday comes {n} days after {day}?",
    "Today is {day}. What day is it in {n} days?", "It is {day}. Which weekday is it in {n} days?",
    "{day} plus {n} days")
WEEKDAYS_BEFORE = (
    "What day is {n} days before {day}?", "Which weekday comes {n} days before {day}?",
    "Today is {day}. What day was it {n} days ago?",
    "It is {day}. Which weekday was it {n} days ago?", "{day} minus {n} days")
DATES_AFTER = (
    "What date is {n} days after {date}?", "Which date comes {n} days after {date}?",
    "Add {n} days to {date}.", "Today is {date}. What date is it in {n} days?",
    "{date} plus {n} days")
DATES_BEFORE = (
    "What date is {n} days before {date}?", "Which date comes {n} days before {date}?",
    "Subtract {n} days from {date}.", "Today is {date}. What date was it {n} days ago?",
    "{date} minus {n} days")
SPANS = (
    "How many days is it from {first} to {last}?",
    "How many days are there from {first} to {last}?",
    "How many days after {first} is {last}?", "How many days before {last} is {first}?",
    "Count the days from {first} to {last}.")
TIMES_AFTER = (
    "What time is it {amount} after {time}?", "It is {time}. What time is it in {amount}?",
    "Add {amount} to {time}.", "{time} plus {amount}")
TIMES_BEFORE = (
    "What time is it {amount} before {time}?", "It is {time}. What time was it {amount} ago?",
    "Subtract {amount} from {time}.", "{time} minus {amount}")


def make(rng, effort):
    if effort == "low":
        kind = rng.choices((_conversion, _weekday, _clock), (0.5, 0.22, 0.28))[0]
    else:
        kind = rng.choices((_conversion, _weekday, _date, _span, _clock),
                           (0.42, 0.12, 0.22, 0.1, 0.14))[0]
    key, user, working, check, final = kind(rng, effort == "low")
    analysis = {"low": None, "medium": working, "high": f"{working}\ncheck\n{check}"}[effort]
    return Item(NAME, key, effort, [Turn(user, [Step(final=final, analysis=analysis)])])


def _counted(number, forms):
    return f"{number} {forms[number != 1]}"


def _conversion(rng, low):
    """Down to the smaller unit, up to the larger, joined from both or split into both."""
    metric = rng.random() < (LOW_METRIC_SHARE if low else METRIC_SHARE)
    big, small, factor, most = rng.choice(METRIC if metric else OTHERS)
    way = rng.choice(WAYS[:2]) if low else rng.choices(WAYS, WAY_SHARES)[0]
    count = rng.randint(2, LOW_MOST if low and not metric else most)
    form = rng.randrange(len(UNITS[big]))
    bigs, smalls = UNITS[big][form], UNITS[small][form]
    whole = count * factor
    fact = f"{_counted(1, bigs)}={_counted(factor, smalls)}\n"
    rest = rng.randint(1, factor - 1)
    total = whole + rest
    both = f"{_counted(count, bigs)} and {_counted(rest, smalls)}"
    if way == "down":
        key, amount, to = f"{count}{big}>{small}", _counted(count, bigs), smalls[1]
        working, check = f"{count}*{factor}={whole}", f"{whole}/{factor}={count}"
        final = _counted(whole, smalls)
    elif way == "up":
        key, amount, to = f"{whole}{small}>{big}", _counted(whole, smalls), bigs[1]
        working, check = f"{whole}/{factor}={count}", f"{count}*{factor}={whole}"
        final = _counted(count, bigs)
    elif way == "join":
        key, to = f"{count}{big}{rest}{small}>{small}", smalls[1]
        amount = both if rng.random() < 0.5 else both.replace(" and", "")
        working = f"{count}*{factor}={whole},{whole}+{rest}={total}"
        check = f"{total}-{rest}={whole},{whole}/{factor}={count}"
        final = _counted(total, smalls)
    else:
        key, amount = f"{total}{small}>{big}{small}", _counted(total, smalls)
        to = f"{bigs[1]} and {smalls[1]}"
        working = f"{count}*{factor}={whole},{total}-{whole}={rest}"
        check = f"{whole}+{rest}={total}"
        final = both
    user = rng.choice(CONVERSIONS).format(amount=amount, to=to)
    return key, user, fact + working, check, final


def _weekday(rng, low):
    start, days = rng.randrange(7), rng.randint(2, LOW_MOST_DAYS if low else MOST_DAYS)
    step, sign, wordings = rng.choice(((1, "+", WEEKDAYS_AFTER), (-1, "-", WEEKDAYS_BEFORE)))
    rest = days % 7
    end = (start + step * rest) % 7
    working = f"{days}={days - rest}+{rest}\n{_weekday_steps(start, rest, step)}"
    user = rng.choice(wordings).format(n=days, day=WEEKDAYS[start])
    return (f"{WEEKDAYS[start]}{sign}{days}", user, working, _weekday_steps(end, rest, -step),
            WEEKDAYS[end])


def _weekday_steps(start, count, step):
    return ", ".join(f"{WEEKDAYS[(start + step * i) % 7]} {i}" for i in range(count + 1))


def _days_in_month(year, month):
    return calendar.mdays[month] + (month == 2 and year % 4 == 0)


def _month(year, month):
    """A month, and its length with the reason in February: `2026-02:26=24+2,28`."""
    reason = ""
    if month == 2:
        short = year % 100
        reason = f"{short}={short - short % 4}+{short % 4},"
    return f"{year}-{month:02}:{reason}{_days_in_month(year, month)}"


def _forward(year, month, day, days):
    lines, left = [f"{day}+{days}={day + days}"], day + days
    while left > _days_in_month(year, month):
        length = _days_in_month(year, month)
        lines.append(f"{_month(year, month)}<{left},{left}-{length}={left - length}")
        left -= length
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    lines.append(f"{_month(year, month)}>={left}")
    return "\n".join(lines), f"{year}-{month:02}-{left:02}"


def _backward(year, month, day, days):
    lines, have, left = [], day, days
    head = f"{year}-{month:02}:{day}"
    while have <= left:
        lines.append(f"{head}<={left},{left}-{have}={left - have}")
        left -= have
        year, month = (year - 1, 12) if month == 1 else (year, month - 1)
        have, head = _days_in_month(year, month), _month(year, month)
    lines.append(f"{head}>{left},{have}-{left}={have - left}")
    return "\n".join(lines), f"{year}-{month:02}-{have - left:02}"


def _random_date(rng):
    year, month = rng.randint(FIRST_YEAR + 1, LAST_YEAR - 1), rng.randint(1, 12)
    return year, month, rng.randint(1, _days_in_month(year, month))


def _numbers(date):
    return tuple(int(part) for part in date.split("-"))


def _date(rng, low):
    start, days = _random_date(rng), rng.randint(2, MOST_DAYS)
    there, back, sign, wordings = rng.choice(
        ((_forward, _backward, "+", DATES_AFTER), (_backward, _forward, "-", DATES_BEFORE)))
    working, end = there(*start, days)
    check, _ = back(*_numbers(end), days)
    date = "{}-{:02}-{:02}".format(*start)
    user = rng.choice(wordings).format(n=days, date=date)
    return f"{date}{sign}{days}", user, working, check, end


def _span(rng, low):
    """The days between two dates in one month or in neighbouring ones."""
    year, month, day = _random_date(rng)
    length = _days_in_month(year, month)
    if day < length and rng.random() < 0.4:
        last = rng.randint(day + 1, length)
        days = last - day
        working, end = f"{last}-{day}={days}", f"{year}-{month:02}-{last:02}"
    else:
        after = (year + 1, 1) if month == 12 else (year, month + 1)
        last = rng.randint(1, _days_in_month(*after))
        days = length - day + last
        working = f"{_month(year, month)}-{day}={length - day},{length - day}+{last}={days}"
        end = "{}-{:02}-{:02}".format(*after, last)
    check, _ = _forward(year, month, day, days)
    first = f"{year}-{month:02}-{day:02}"
    user = rng.choice(SPANS).format(first=first, last=end)
    return f"{first}..{end}", user, working, check, _counted(days, UNITS["day"][0])


def _clock(rng, low):
    hour, minute = rng.randrange(24), rng.randrange(60)
    hours, minutes = rng.randint(1, 11), rng.randint(2, 59)
    kind = 0 if low else rng.choices((0, 1, 2), (0.2, 0.45, 0.35))[0]
    if kind == 0:
        minutes = 0
    elif kind == 1:
        hours = 0
    there, back, sign, wordings = rng.choice(
        ((_later, _earlier, "+", TIMES_AFTER), (_earlier, _later, "-", TIMES_BEFORE)))
    working, end = there(hour, minute, hours, minutes)
    check, _ = back(*end, hours, minutes)
    amount = " and ".join(_counted(number, UNITS[unit][0])
                          for number, unit in ((hours, "h"), (minutes, "min")) if number)
    time = f"{hour:02}:{minute:02}"
    user = rng.choice(wordings).format(amount=amount, time=time)
    return (f"{time}{sign}{hours}h{minutes}min", user, working, check,
            "{:02}:{:02}".format(*end))


def _later(hour, minute, hours, minutes):
    steps = []
    if hours:
        steps.append(f"{hour}+{hours}={hour + hours}")
        hour += hours
    if minutes:
        steps.append(f"{minute}+{minutes}={minute + minutes}")
        minute += minutes
    if minute >= 60:
        steps.append(f"{minute}-60={minute - 60},{hour}+1={hour + 1}")
        hour, minute = hour + 1, minute - 60
    if hour >= 24:
        steps.append(f"{hour}-24={hour - 24}")
        hour -= 24
    return ",".join(steps), (hour, minute)


def _earlier(hour, minute, hours, minutes):
    steps = []
    # A minute too few takes one more hour.
    if minute < minutes:
        steps.append(f"{minute}+60={minute + 60},{hours}+1={hours + 1}")
        hours, minute = hours + 1, minute + 60
    if minutes:
        steps.append(f"{minute}-{minutes}={minute - minutes}")
        minute -= minutes
    if hour < hours:
        steps.append(f"{hour}+24={hour + 24}")
        hour += 24
    if hours:
        steps.append(f"{hour}-{hours}={hour - hours}")
        hour -= hours
    return ",".join(steps), (hour, minute)
