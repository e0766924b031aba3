"""Texts that a byte-level BPE with the o200k split pattern can get wrong, and random ones."""

import random
import unicodedata

SENTENCES = [
    # Latin, with and without marks.
    "The quick brown fox jumps over the lazy dog.",
    "Größenwahn heißt, dass Übermut süß schmeckt – ÄÖÜ!",
    "L'été où j'étais là, ça n'allait guère : « voilà », dit-elle.",
    "El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío. ¿Qué? ¡Sí!",
    "À noite, vovô Kowalsky vê o ímã cair no pé do pinguim queixoso.",
    "Pchnąć w tę łódź jeża lub ośm skrzyń fig.",
    "Příliš žluťoučký kůň úpěl ďábelské ódy.",
    "Árvíztűrő tükörfúrógép",
    "Pijamalı hasta, yağız şoföre çabucak güvendi. İIıi",
    "Flygande bäckasiner söka hwila på mjuka tuvor. Åse, Øyvind og Ærlige",
    "Kæmi ný öxi hér, ykist þjófum nú bæði víl og ádrepa",
    "Tiếng Việt có nhiều dấu: ă â đ ê ô ơ ư, ngã ngửa nghiêng.",
    "Ĉiuj homoj estas denaske liberaj; eĥoŝanĝo ĉiuĵaŭde.",
    # Other alphabets.
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "Чуєш їх, доцю, га? Кумедна ж ти, прощайся без ґольфів!",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. ΑΒΓ ςσΣ",
    "Վարդագույն ֆլամինգոն թռչում է։",
    "ვეპხის ტყაოსანი შოთა რუსთაველი ᲗᲑᲘᲚᲘᲡᲘ",
    "דג סקרן שט בים מאוכזב ולפתע מצא חברה. שָׁלוֹם",
    "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر. اَلْعَرَبِيَّةُ ١٢٣٤٥",
    "زبان فارسی: می‌خواهم ۱۲۳ کتاب بخرم؛ چرا؟",
    "اردو زبان میں لکھا ہوا جملہ۔",
    "ሰላም ለዓለም። አማርኛ ፩፪፫",
    # Scripts of South and South East Asia, full of marks.
    "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण। १२३४",
    "আমি বাংলায় গান গাই। ০১২৩",
    "ਪੰਜਾਬੀ ਭਾਸ਼ਾ ਬਹੁਤ ਮਿੱਠੀ ਹੈ।",
    "ગુજરાતી ભાષામાં લખેલું વાક્ય.",
    "யாமறிந்த மொழிகளிலே தமிழ்மொழி போல் இனிதாவது எங்கும் காணோம்.",
    "తెలుగు భాష చాలా అందమైనది.",
    "ಕನ್ನಡ ನಾಡಿನ ಹಿರಿಮೆ.",
    "മലയാളം എഴുതാൻ രസമാണ്.",
    "සිංහල භාෂාව ලියමු.",
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า ๑๒๓",
    "ພາສາລາວ ງ່າຍດາຍ",
    "မြန်မာဘာသာစကား လှပသည်။",
    "ភាសាខ្មែរ គឺជាភាសា",
    "བོད་སྐད་ནི་ཡག་པོ་འདུག།",
    # Letters without case, wide forms.
    "いろはにほへと ちりぬるを。カタカナとﾊﾝｶｸ、漢字１２３。",
    "我能吞下玻璃而不伤身体。「你好」,世界!2024年12月31日",
    "我能吞下玻璃而不傷身體。㍿ ㊙ ﹏ ＡＢＣ",
    "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다. ㅋㅋㅋ",
    "ᠮᠣᠩᠭᠣᠯ ᠪᠢᠴᠢᠭ",
    "ᏣᎳᎩ ꭳꮒ ᓀᐦᐃᔭᐍᐏᐣ ⵜⵉⴼⵉⵏⴰⵖ ߒߞߏ",
    "𐌰𐌱𐌲 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝒜𝒷𝒸 𝟘𝟙𝟚 𒀀𒀁 𓀀𓂀 𠜎𠜱𠝹",
    # Letters in title case and modifiers.
    "ǅungla ǈubav ǋegoš Ǆ ǆ ʰʲʷ ªº ﬀﬁﬂ ẞß",
]

WORDS = [
    "I'm I'M we've WE'VE they're THEY'RE it's IT'S she'll SHE'LL he'd HE'D don't DON'T ain't y'all'd've",
    "it'\u017f IT'\u017f \u017f 'S's'ſ ''s 'ſ' x'Re x'rE x'lL x'Ve x'M x'D x'T",
    "it\u2019s we\u2019ve don\u2019t l\u2019\u00e9t\u00e9 \u02bcs \uff07s",
    "'s 's's '' ' s' 'tis 'twas 's1 1's é's É'S 中's 's中 \u0301's a\u0301's A\u0301'S",
    "k\u212a K\u212a \u212a's \u017fs \u1e9e \u0130i \u0131I",
    "camelCase PascalCase SCREAMING_CASE snake_case kebab-case HTMLParser iOS macOS eBay McDonald ABCdef aBCd",
    "XMLHttpRequest2XMLHttp v1.2.3-rc4+build.5 0xDEADBEEF 0b1010 1e-10 1_000_000 3.14159265358979",
    "1 12 123 1234 12345 123456 1234567 12345678 123456789 1234567890",
    "٣٣٣٣ ४५६७ １２３４ ①②③④ ⅣⅧ ½¾⅓ x²y³ 1²3 Ⅻ1 𝟙𝟚𝟛𝟜",
    "$1,234.56 €9.99 50% 10:30:45 2024-01-31T23:59:59Z +49(0)30/123-456 192.168.0.1 ::1 #1 @2",
    "https://example.org/a/b?c=d&e=f#g user@example.com C:\\Users\\me\\x.txt /usr/local/bin ../..//.",
    "hello/world and/or //// /\n/ .\n/ !\r\n/ ?//\n\n x/\r\n",
    "...!!!???---===+++***~~~ «»“”‘’–—…·•†‡§¶ ()[]{}<> \\|/ @#$%^&*",
    "a_b __init__ _ __ ___ a-b--c---d a.b..c...d a,b;c:d",
]

CODE = [
    "def f(x):\n\tif x > 0:\n\t\treturn x ** 2\n    return None  # done\n\n\nclass A(B): pass\n",
    "int main(void) {\r\n  printf(\"%d\\n\", 1 << 3);\r\n\r\n  return 0;\r\n}\r\n",
    "SELECT * FROM t WHERE a='b' AND c <> \"d\" -- comment\n;",
    "<div class=\"a b\" data-x='1'>\n  <p>Hi &amp; bye</p>\n\n</div><!-- x -->",
    "{\"a\": [1, 2.5, -3e4, true, null], \"b\\n\": {\"c\": \"\\u00e9\"}}",
    "fn main() -> Result<(), Box<dyn Error>> { let v: Vec<_> = (0..10).map(|x| x * x).collect(); Ok(()) }",
    "#!/bin/sh\nset -eu\nfor f in *.txt; do echo \"${f%.txt}\" | sed 's/a/b/g' >>out 2>&1; done",
    "| a | b |\n|---|:-:|\n| 1 | 2 |\n\n```python\nprint('hi')\n```\n\n- [ ] x\n  - y\n1. z",
    "\\begin{align}\n  E &= mc^2 \\\\\n  \\int_0^\\infty e^{-x}\\,dx &= 1\n\\end{align}",
]

EMOJI = [
    "🙂🙃😀😂🤣 🎉✨🔥 ❤️ ❤ ☺️ ©️ ™️",
    "👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 🏴‍☠️ 🧑🏿‍🤝‍🧑🏻 👁️‍🗨️",
    "🇩🇪🇫🇷🇯🇵🇧🇷 1️⃣2️⃣#️⃣ 👍🏻👍🏿 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "ok👍 👍ok a🙂b 1🙂2 🙂\n🙂 🙂's",
]

MARKS = [
    "e\u0301 E\u0301 \u0301 \u0301\u0301\u0301 a\u0308\u0323 n\u0303o \u0301abc 1\u0301 !\u0301",
    "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    "a\u200db a\u200cb \u200d \ufe0f x\ufe0fy \u20e3 \u093f\u093f क्\u200dष",
    "\u0345\u0345 a\u0345B \u16fe \u02b0\u02b1A \u00aa\u00ba1",
]

# White space by Unicode's White_Space, and characters that some libraries take for it.
SPACES = ["\t", "\n", "\v", "\f", "\r", " ", "\u0085", "\u00a0", "\u1680", "\u2000", "\u2003", "\u2009", "\u200a",
          "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"]
NOT_SPACES = ["\u200b", "\ufeff", "\u180e", "\u001c", "\u001d", "\u001e", "\u001f", "\u2060", "\u00ad", "\u0000",
              "\u0007", "\u001b", "\u007f", "\u0080", "\u009f", "\u2800", "\u3164", "\u115f", "\ufffd", "\ue000",
              "\uffff", "\U0010ffff"]

SPECIAL_LOOKING = [
    "<|start|>user<|message|>Hi<|end|>",
    "<|start|>assistant<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes<|return|>",
    "<|endoftext|>", "a<|endoftext|>b", " <|endoftext|> ", "<|endoftext|><|endoftext|>", "\n<|end|>\n\n<|end|>  x",
    "<|endof", "<|endoftext|", "|endoftext|>", "<||endoftext|>", "<|<|end|>|>", "<<|end|>>", "<|END|>", "<| end |>",
    "<|end|>oftext|>", "<|endofprompt|>", "<|reserved_200017|>", "<|reserved_1|>", "<|nothing|>", "<|start|", "<",
    "<|constrain|>json", "to=functions.f<|channel|>commentary <|constrain|>json<|message|>{}<|call|>",
    "  <|message|>  ", "don<|end|>'t", "e<|end|>\u0301", "12<|end|>34", "\u65e5<|end|>\u672c", "x\u00a0<|end|>",
]

RUNS = ["a", "A", "Aa", "\u00e9", "\u4e2d", "1", "!", "=", "-", " ", "\t", "\n", "\r\n", " \n", "\n ", "\u00a0", "\u3000",
        "\u0301", "\U0001f642", "ab", "the ", "<|", "'s", "/", "_", "\u0000", "\u200d"]


def space_cases():
    texts = []
    for space in SPACES + NOT_SPACES:
        texts += [space, f"a{space}b", f"a{space}{space}b", f"a {space}b", f"a{space} b", f"{space}1{space}!{space}",
                  f"x{space}\n{space}y", f"{space}\r\n", f"({space}){space * 3}z"]
    return texts


def new_line_cases():
    texts = []
    for first in ["", "a", " ", ".", "1", "  "]:
        for middle in ["\n", "\r", "\r\n", "\n\r", "\n\n", "\r\r\n\n", " \n", "\n ", " \r\n \n", "\t\n\t", "\n/\n"]:
            for last in ["", "b", " b", "  ", "!"]:
                texts.append(first + middle + last)
    return texts


def fixed_texts():
    texts = ["", " ", "a", "  ", "a ", " a", "  a", "a  ", "\n", "\x00"]
    texts += SENTENCES + WORDS + CODE + EMOJI + MARKS
    texts += [" ".join(SENTENCES[i::7]) for i in range(7)]
    texts += ["\n".join(reversed(SENTENCES[i::9])) for i in range(9)]
    texts += [sentence.upper() for sentence in SENTENCES[::4]] + [text.replace(" ", "") for text in SENTENCES[::5]]
    return texts + space_cases() + new_line_cases()


def assigned_characters():
    """Code points that Unicode 14 assigns, without surrogates and private use."""
    assert unicodedata.unidata_version == "14.0.0", unicodedata.unidata_version
    return [code for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co")]


def random_texts(count, seed):
    """Texts from a few alphabets mixed, so that every rule of the pattern meets every other."""
    generator = random.Random(seed)
    assigned = [chr(code) for code in assigned_characters()]
    alphabets = [
        list("abcdefghijklmnopqrstuvwxyz"), list("ABCXYZ"), list("0123456789"), list("'stredvmlSTREDVML\u017f"),
        SPACES + ["\r", "\n", "\n", " ", " "], NOT_SPACES, list("!?.,;:/\\-_()[]{}<>|\"'`~@#$%^&*+="),
        list("\u0301\u0308\u093f\u200d\ufe0f\u20e3"), list("\u01c5\u02b0\u4e2d\u3042\uac00\u05d0\u0e01"),
        ["<|", "|>", "<|end|>", "<|start|>", "<|message|>"], list("🙂👨👩🇩🏽"), assigned,
        [" the", " of", "ing", "tion", " I", "'s", "\n\n", "  ", " return", "();\n"],
    ]
    texts = []
    for _ in range(count):
        chosen = generator.sample(alphabets, generator.randint(1, 5))
        texts.append("".join(generator.choice(generator.choice(chosen)) for _ in range(generator.randint(1, 48))))
    return texts
