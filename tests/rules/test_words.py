from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest

from ruler.rules.words import QUOTE, compile_keywords, find

# keyword, caption, whether it counts as found
CASES = [
    # inflections
    ("run", "A man runs across the yard.", True),
    ("running", "A boy ran past the gate.", True),
    ("ride", "Someone is riding a bicycle along the path.", True),
    ("riding", "A woman rode a horse.", True),
    ("riding", "The second person has ridden a scooter to the door.", True),
    ("lie", "One person is lying on the ground.", True),
    ("lying", "A child lay on the floor.", True),
    ("lying", "A man is laying on the pavement.", True),
    ("carry", "The third person carried two boxes.", True),
    ("carrying", "A worker carries a ladder.", True),
    ("cart", "Two carts roll down the ramp.", True),
    ("vehicles", "A vehicle drives by.", True),
    ("person", "Several people walk.", True),
    ("buses", "A bus drives past.", True),
    ("knife", "He is holding knives.", True),
    ("fall", "The woman fell near the stairs.", True),
    ("fighting", "A fight breaks out between two men.", True),
    ("bending", "The person is bent over the box.", True),
    ("jump", "A girl JUMPED over the chain.", True),
    ("stopping", "The van stopped at the gate.", True),
    ("climb", "Someone is climbing the fence.", True),
    ("throwing", "An object was thrown from the roof.", True),
    # never inside a word, never another word of the same stem
    ("cart", "A cartoon is painted on the wall.", False),
    ("fell", "A fellow student walks by.", False),
    ("van", "They vanish behind the trees.", False),
    ("car", "A person is carrying a scarf on the carpet.", False),
    ("run", "There is a drunk near the trunk of a tree.", False),
    ("ride", "A bridge spans the river; the bride waits.", False),
    ("fight", "A firefighter stands by.", False),
    ("boxing", "A man is carrying two boxes.", False),
    ("watching", "A man is wearing a watch.", False),
    ("facing", "Their face is not hidden.", False),
    ("parking", "People walk in the park.", False),
    ("box", "Two men are boxing.", False),
    ("leaving", "A tree stands on the left.", False),
    ("grinding", "A bag is on the ground.", False),
    ("hope", "A child is hopping.", False),
    ("building", "They built a tent.", False),
    ("evening", "Even a child could see it.", False),
    # phrases
    ("push a cart", "The man is pushing a large cart.", True),
    ("push cart", "The man pushed the heavy metal cart up the ramp.", True),
    ("push cart", "The man is pushing a woman who sits in a cart.", False),
    ("push cart", "Two people are pushing, a cart stands idle.", False),
    ("reach into", "A worker reaches into the press.", True),
    ("reach into", "A worker is reaching slowly into the press.", True),
    ("reach into", "A worker reaches for a bag and walks into the hall.", False),
    ("lying on the ground", "A person lies on the ground.", True),
    ("lying on ground", "A person lies face-down on the wet ground.", True),
    ("climb over fence", "Someone climbed over the tall fence.", True),
    ("motor cycle", "A motorcycle passes.", True),
    ("motor cycle", "A motor-cycle passes.", True),
    ("trash can", "A trashcan burns.", True),
    ("e-scooter", "She stands on an e scooter.", True),
    ("shopping cart", "He has shopping-carts.", True),
    ("left behind", "A suitcase was left behind.", True),
    ("man running", "A man is running.", True),
    ("man running", "A man is not running.", False),
    ("falling object", "An object is falling from the roof.", True),
    ("step over", "A man steps over the rope.", True),
    ("carrying box", "The box carries a label.", False),
    # denials
    ("bicycle", "There is no bicycle in the image.", False),
    ("running", "There are no people running.", False),
    ("running", "The man is not running.", False),
    ("running", "The man isn't running.", False),
    ("running", "The man isn’t running.", False),
    ("bag", "The third person is walking without a bag.", False),
    ("lying", "Nobody is lying on the ground.", False),
    ("lying", "No one is lying on the ground.", False),
    ("running", "No people are running in this picture.", False),
    ("running", "In the image, no people are running.", False),
    ("running", "Neither the man nor the woman is running.", False),
    ("jumping", "Neither is running nor jumping.", False),
    ("cart", "There are no bicycles, carts or vans in the yard.", False),
    ("van", "There are no bicycles, carts or vans in the yard.", False),
    ("cars", "Cars are not visible in this image.", False),
    ("smoke", "The yard is free of smoke.", False),
    ("cycling", "A sign that says no cycling hangs on the wall.", False),
    ("running", "They are walking instead of running.", False),
    ("running", "They are walking rather than running.", False),
    ("running", "The person is walking, not running.", False),
    ("running", "The man is no longer running.", False),
    ("bag", "The man never put down his bag.", False),
    ("moving", "A street with no vehicles moving.", False),
    ("umbrella", "The third person is walking without any visible umbrella.", False),
    ("running", "There is no indication that anyone is running.", False),
    # where a denial ends
    ("running", "There are no cars, but a man is running.", True),
    ("running", "There are no cars. A man is running.", True),
    ("running", "There are no cars, a man is running.", True),
    ("running", "There are no cars and a man is running.", True),
    ("running", "There are no cars; a man running can be seen.", True),
    ("running", "There is no one running except a man.", True),
    ("running", "There is nobody but a man running.", True),
    ("van", "There are no vehicles except a van.", True),
    ("running", "The person without a bag is running.", True),
    ("riding", "A man without a helmet is riding a bicycle.", True),
    ("riding", "A man without a helmet riding a bicycle.", True),
    ("riding", "A man with no helmet riding a bicycle.", True),
    ("running", "The eighth has no backpack, the ninth person is running.", True),
    ("running", "A black shirt and no backpack, the eighth person is running.", True),
    ("running", "The third person, whose face is not visible, is running.", True),
    ("running", "The person whose face is not visible is running.", True),
    ("running", "It is not clear whether the person is running.", True),
    ("running", "The man is running, not walking.", True),
    ("jumping", "They are not only running but also jumping.", True),
    ("running", "They are not only running but also jumping.", True),
    ("running", "There is no doubt that the man is running.", True),
    ("running", "No fewer than three people are running.", True),
    ("riding", "The man riding a bicycle is not wearing a helmet.", True),
    ("bicycle", "The face of the man on the bicycle is not visible.", True),
    ("running", "A man is not walking but running.", True),
    ("running", "The man, unlike nobody else, while running, falls.", True),
    ("running", "There are no people walking while one man is running.", True),
    # hedges count
    ("running", "The second person is possibly running.", True),
    ("riding", "The first person appears to be riding a bicycle.", True),
    ("falling", "He bends as if he were falling.", True),
    ("pushing", "One seems to be pushing the other.", True),
    # things at rest, pictures, other names
    ("bicycle", "Other than people, there is a parked bicycle.", False),
    ("car", "There are cars parked in the background.", False),
    ("cars", "A car is parked on the right side of the road.", False),
    ("bicycle", "There is a red bicycle leaning against the building.", False),
    ("bicycle", "A bicycle locked to a rack is visible.", False),
    ("bicycle", "There are parked cars and bicycles.", False),
    ("car", "Cars and vans are parked along the street.", False),
    ("car", "Cars are parked on the left of the image.", False),
    ("car", "On the left, a parked car.", False),
    ("bag", "A man with a bag is standing near the gate.", True),
    ("jacket", "One person is wearing a red jacket and is standing near the gate.", True),
    ("building", "The camera shows the building and the car parked outside.", True),
    ("van", "A car and a van are parked there.", False),
    ("car", "A car and a van are parked there.", False),
    ("cart", "A man drives a tractor with a cart attached to it.", True),
    ("carrying", "Some of them carrying bags walk by.", True),
    ("standing", "There is a sign with the letter A and a person standing near it.", True),
    ("crossing", "She stands with her arms crossed.", True),
    ("crossing", "There is a pedestrian crossing sign.", False),
    ("van", "A stationary white van blocks the view.", False),
    ("car", "A car standing at the curb.", False),
    ("bicycle", "A person walks past a bicycle in a rack.", False),
    ("car", "A car that is not moving.", False),
    ("bicycle", "There is a sign with a bicycle on it.", False),
    ("bicycle", "A poster of a man riding a bicycle hangs there.", False),
    ("car", "A picture of a car hangs on the wall.", False),
    ("car", "This is a picture of a car driving past.", True),
    ("car", "The image shows a photo of a car on the wall.", False),
    ("car", "A child holds a toy car.", False),
    ("bus", "Two people wait at the bus stop.", False),
    ("bicycle", "There is a bicycle lane beside the path.", False),
    ("car", "Behind the fence is a car park.", False),
    ("running", "People stand beside a running track.", False),
    ("running", "She is wearing running shoes.", False),
    ("running", "Near running water stands a bench.", False),
    ("running", "A man is running track and field.", True),
    ("walking", "An old man with a walking stick stands still.", False),
    ("bicycle", "A man on a bicycle rides past a sign.", True),
    ("bicycle", "One person is riding a bicycle, and cars are parked behind.", True),
    ("car", "A car drives past the parked vans.", True),
    ("car", "A car is near the gate.", True),
    ("person", "A person is standing near the railing.", True),
    ("man", "A man is leaning against the wall.", True),
    ("cyclist", "A cyclist leaning on the railing looks back.", True),
    ("dog", "A dog standing at the gate barks.", True),
    ("leaning", "A man is leaning against the wall.", True),
    ("suitcase", "A suitcase standing unattended on the platform.", True),
    ("parked car", "There is a parked car.", True),
    ("parked car", "There are two cars parked outside.", True),
    ("parked car", "A car is parked outside.", True),
    ("parked car", "A car drives past.", False),
    ("parked car", "No cars are parked outside.", False),
    ("car (any)", "There is a parked car.", True),
    ("car (any)", "There is no parked car.", False),
    ("car (any)", "There is a sign with a car.", False),
    ("no helmet", "A rider with no helmet passes.", True),
    ("without a helmet", "He rides without a helmet.", True),
    ("falling", "There are fallen leaves on the path.", False),
    ("falling", "A fallen man lies there.", True),
    ("falling", "A man has fallen down.", True),
    ("falling", "A tree fell over.", True),
    ("fallen", "There are fallen leaves on the path.", True),
    ("bending", "She walks with a slight bend at the knees.", False),
    ("skateboarding", "The third person is walking with a skateboard.", False),
    ("skateboarding", "One person is carrying a skateboard.", False),
    ("skateboarding", "Two boys skateboard down the ramp.", True),
    ("jumping", "The fifth person is doing a jump over the railing.", True),
    ("fighting", "Two men are engaged in a fight.", True),
    ("running", "The man goes for a run.", True),
    # other tongues and odd text
    ("自行车", "一个人骑自行车经过", True),
    ("Fußgänger", "Ein FUSSGÄNGER, ein Fußgänger.", True),
    ("café", "A man sits in a CAFÉ.", True),
    ("running", "", False),
    ("", "anything", False),
    ("...", "anything ...", False),
]


@pytest.mark.parametrize(("keyword", "caption", "expected"), CASES)
def test_a_caption_speaks_of_a_keyword(keyword: str, caption: str, expected: bool) -> None:
    found = [m for m in find(keyword, caption) if m.matches]
    assert bool(found) is expected, find(keyword, caption)
    for mention in found:
        assert mention.quote in caption
        assert caption[mention.start : mention.end] in mention.quote


def test_denied_and_resting_mentions_are_told_apart() -> None:
    (denied,) = find("car", "There is no car.")
    (resting,) = find("car", "There is a parked car.")
    (driven,) = find("car", "A man is driving a car.")
    (plain,) = find("car", "There is a car.")
    assert (denied.negated, resting.negated, driven.negated, plain.negated) == (True, False, False, False)
    assert (resting.state, driven.state, plain.state) == ("static", "moving", None)


def test_search_gives_what_matches_and_mentions_gives_all() -> None:
    matcher = compile_keywords(["run", "cart", "bicycle"])
    caption = "A boy is running behind a cart. There is no bicycle. Another boy runs."
    assert [(m.keyword, caption[m.start : m.end]) for m in matcher.search(caption)] == [
        ("run", "running"),
        ("cart", "cart"),
        ("run", "runs"),
    ]
    assert [m.keyword for m in matcher.mentions(caption)] == ["run", "cart", "bicycle", "run"]


def test_the_quote_is_the_clause() -> None:
    caption = (
        "There are four people in the image. The first person is walking with a bag, the fourth person is riding a "
        "bicycle, and the fifth person is walking."
    )
    assert find("riding", caption)[0].quote == "the fourth person is riding a bicycle"
    assert find("fifth", caption)[0].quote == "the fifth person is walking"
    assert find("four", caption)[0].quote == "There are four people in the image"


def test_a_long_clause_is_cut_at_words_around_the_mention() -> None:
    caption = "word " * 80 + "someone is running " + "word " * 80
    (mention,) = find("running", caption)
    assert len(mention.quote) <= QUOTE
    assert "running" in mention.quote
    assert all(part in ("word", "someone", "is", "running") for part in mention.quote.split())


def test_substring_mode_is_the_published_program() -> None:
    matcher = compile_keywords(["cart", "fell"], mode="substring")
    assert [m.keyword for m in matcher.search("A fellow sees no cartoon.")] == ["fell", "cart"]
    assert matcher.search("A Cart, a FELL.") == []


def test_a_matcher_survives_the_way_between_processes() -> None:
    matcher = compile_keywords(["push cart", "run"])
    again = pickle.loads(pickle.dumps(matcher))
    assert again.search("He pushes a cart.") == matcher.search("He pushes a cart.")


def test_a_very_long_sentence_is_read_in_time_that_grows_with_its_length() -> None:
    caption = "no sign of and the car with not " * 1_000
    assert len(compile_keywords(["car"]).mentions(caption)) == 1_000


def test_published_captions_and_keywords(shared_data: Path) -> None:
    lines = [
        line
        for path in sorted((shared_data / "shanghaitech/captions").glob("*.txt"))[:20]
        for line in path.read_text("utf-8").splitlines()
    ]
    matcher = compile_keywords((shared_data / "rules/keywords_SHTech.txt").read_text("utf-8").split())
    found = [(line, m) for line in lines for m in matcher.mentions(line)]
    assert found
    assert all(m.quote in line for line, m in found)
    plain = compile_keywords(matcher.keywords, mode="substring")
    for line in lines:
        for keyword in {m.keyword for m in plain.search(line)} - {m.keyword for m in matcher.search(line)}:
            spoken = [m for m in matcher.mentions(line) if m.keyword == keyword]
            assert spoken or not re.search(rf"\b{keyword}\b", line), (keyword, line)
