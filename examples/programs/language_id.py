#!/usr/bin/env python3
"""A worker for `tidegate eval`: guesses the language of a text by its script and frequent words.

One JSON line in, {"input": "..."}; one JSON line out, {"output": "deu"}. Needs no packages.
"""

import json
import re
import sys

# First code point, last code point, language: scripts that one language of the data is written in.
SCRIPTS = [
    (0x0370, 0x03FF, "ell"), (0x0530, 0x058F, "hye"), (0x0590, 0x05FF, "heb"),
    (0x0980, 0x09FF, "ben"), (0x0A80, 0x0AFF, "guj"), (0x0B80, 0x0BFF, "tam"),
    (0x0E00, 0x0E7F, "tha"), (0x10A0, 0x10FF, "kat"), (0x1200, 0x137F, "amh"),
    (0x3040, 0x30FF, "jpn"), (0xAC00, 0xD7AF, "kor"),
]

# Short words that are frequent in one language and rare in those like it.
WORDS = {
    "afr": "die van en het nie is vir wat op sal 'n",
    "ara": "في من على أن إلى لكل الحق أو كل",
    "bel": "і на ў не або што чалавек права яго кожны",
    "bul": "и на се за да или всеки има право от",
    "cat": "els les amb i dels té dret tota persona una",
    "ces": "a se na že nebo právo každý má být jeho",
    "dan": "og at af til enhver har ret på der ikke",
    "deu": "der die und das nicht ein auf jeder hat recht",
    "eng": "the of and to in everyone has right his or",
    "epo": "la kaj de al estas ĉiu rajton havas aŭ por",
    "est": "ja on õigus igal või ei ning tema oma see",
    "fin": "ja on oikeus jokaisella tai ei hänen sekä joka olla",
    "fra": "le les des et une est droit toute personne ou",
    "hin": "के है और की का में को से प्रत्येक अधिकार",
    "hrv": "i na se svatko ima pravo da ili koji je",
    "hun": "és az egy minden joga van vagy nem személynek hogy",
    "ind": "dan yang setiap orang berhak untuk dengan atau tidak dalam",
    "ita": "il di e che ogni individuo ha diritto della gli",
    "lav": "un ir tiesības katram cilvēkam uz vai ar viņa nedrīkst",
    "lit": "ir turi teisę kiekvienas žmogus ar į jo būti kad",
    "mar": "आणि आहे आहेत व प्रत्येक किंवा ते हक्क या च्या",
    "mkd": "и на се секој има право да или со во",
    "nld": "de het een van en op heeft recht ieder zijn",
    "nob": "og av til enhver har rett på som ikke eller",
    "pes": "که را از به در هر حق دارد و است",
    "pol": "i w na do prawo każdy człowiek ma lub nie",
    "por": "o de que toda pessoa tem direito os à não",
    "ron": "și de la orice persoană are dreptul sau să în",
    "rus": "и в на каждый человек имеет право или не его",
    "slk": "a na má právo každý alebo sa jeho byť pri",
    "slv": "in vsakdo ima pravico do ali ne za je biti",
    "spa": "el de la toda persona tiene derecho los y en",
    "swe": "och att till var har rätt en eller som på",
    "tur": "ve bir her hakkı şahsın vardır veya için bu herkes",
    "ukr": "і на кожна людина має право або не її та",
    "vie": "và có quyền mọi người được của các không cho",
    "zul": "wonke umuntu unelungelo noma futhi lokuba kumbe nokuba ukuba yilowo",
}
WORDS = {language: set(words.split()) for language, words in WORDS.items()}


def language(text):
    for first, last, code in SCRIPTS:
        if any(first <= ord(character) <= last for character in text):
            return code
    if any(0x4E00 <= ord(character) <= 0x9FFF for character in text):
        return "cmn"
    if "ə" in text.lower():
        return "aze"
    words = re.findall(r"[^\W\d_]+|'n", text.lower())
    counts = {code: sum(word in known for word in words) for code, known in WORDS.items()}
    best = max(counts, key=counts.get)
    return best if counts[best] > 0 else "und"


for line in sys.stdin:
    case = json.loads(line)
    # Flushed, or the answer waits in a buffer while the evaluation waits for it.
    print(json.dumps({"output": language(case["input"])}), flush=True)
