"""What the config says of datasets, as inputs and settings of jobs."""

import os
import re

import pytest

from vipann.datasets.adapters.shipsear import BY_HAND
from vipann.errors import UserError
from vipann.plan import datasets
from vipann.provenance.stamps import file_stamp, folder_stamp

ENTRY = {"file": "a.zip", "md5": ["0" * 32], "url": "https://one.org/a.zip"}


@pytest.fixture(autouse=True)
def own_audio():
    """The state of the user's own audio, looked at anew."""

    def look(run, dataset):
        folder_stamp.cache_clear()
        file_stamp.cache_clear()
        return datasets.own_audio(run, dataset)

    return look


def test_another_place_of_an_archive_is_no_reason_to_fetch_it_again():
    settings = datasets.download_settings
    elsewhere = {"url": "https://other.org/a.zip", "mirror_path": "x", "how_to_get": "Ask."}
    assert repr(settings(ENTRY | elsewhere)) == repr(settings(ENTRY))
    assert settings(ENTRY | {"md5": ["1" * 32]}) != settings(ENTRY)
    assert settings(ENTRY | {"stand_ins": [{"file": "b.zip"}]}) != settings(ENTRY)


def test_archives_are_found_by_their_file(run_of):
    run = run_of(data={"dir": "d"}, datasets={"esc50": {"archives": [ENTRY]}})
    (path,) = datasets.archives_of(run, "esc50")
    assert re.fullmatch("d/esc50/archives/[0-9a-f]{8}/a.zip", path)
    assert datasets.archive_entry(run, "esc50", "a.zip") == ENTRY


def test_runs_share_an_archive_only_if_it_is_the_same_for_both(run_of):
    def path(**changes):
        run = run_of(datasets={"esc50": {"archives": [ENTRY | changes]}})
        return datasets.archives_of(run, "esc50")[0]

    assert path(url="https://other.org/a.zip", mirror_path="x") == path()
    assert path(md5=["1" * 32]) != path()
    assert path(stand_ins=[{"file": "b.zip", "md5": ["1" * 32]}]) != path()
    unknown = {"md5": [], "unverified": "none is published"}
    assert path(**unknown) != path(**unknown, url="https://other.org/a.zip")


def test_runs_share_audio_only_if_it_is_the_same_for_both(run_of):
    def place(dataset="esc50", seed=1, **changes):
        return datasets.audio_of(run_of(seed=seed, datasets={dataset: changes}), dataset)

    assert place() == place(seed=2) == place(padding="repeat", shards=3)
    assert place(archives=[ENTRY]) != place(archives=[ENTRY | {"md5": ["1" * 32]}])
    ships = {"adapter": "folder", "archives": [ENTRY]}
    few, all_of_them = ({"csv": f"{name}.csv"} for name in ("few", "all"))
    assert place("ships", **ships, options=few) != place("ships", **ships, options=all_of_them)
    drawn = {"adapter": "synthetic", "options": {"set": "scenes"}}
    assert place("birds", **drawn) == place("birds", **drawn)
    assert place("birds", **drawn) != place("birds", **drawn, seed=2)


def test_windows_are_cut_of_the_same_audio(run_of):
    run = run_of()
    assert datasets.audio_of(run, "shipsear_5s") == datasets.audio_of(run, "shipsear")


def test_how_clips_are_fetched_is_no_setting_of_a_job(run_of):
    def taken(**options):
        run = run_of(datasets={"audioset": {"options": options}})
        of = (datasets.fetch_settings, datasets.audio_settings, datasets.manifest_settings)
        return [settings(run, "audioset") for settings in of]

    assert taken(yt_dlp_args=["--limit-rate", "1M"]) == taken(fetch=True, fetch_shards=3) == taken()
    assert taken(audio_dir="elsewhere") != taken()


def test_fetching_leaves_one_record_a_shard(run_of):
    options = {"fetch": True, "fetch_shards": 2}
    run = run_of(datasets={"audioset": {"options": options}})
    assert datasets.fetched_of(run, "audioset") == [
        f"{run.data}/audioset/fetched/{i}-of-2.csv" for i in (1, 2)
    ]
    assert datasets.fetched_of(run_of(), "audioset") == []


def test_only_audio_that_is_drawn_has_a_seed(run_of):
    drawn = {"birds": {"adapter": "synthetic", "options": {"set": "scenes"}}}
    run = run_of(datasets=drawn)
    assert "seed" in datasets.audio_settings(run, "birds")
    assert "seed" not in datasets.audio_settings(run, "esc50")


def test_audio_in_the_users_own_folder_counts_and_other_audio_does_not(run_of, own_audio, tmp_path):
    assert own_audio(run_of(), "esc50") == {}
    run = run_of(datasets={"shipsear": {"options": {"path": str(tmp_path)}}})
    assert datasets.audio_of(run, "shipsear") == str(tmp_path)
    before = own_audio(run, "shipsear")
    (tmp_path / "new.wav").write_bytes(b"0")
    assert own_audio(run, "shipsear") != before


@pytest.mark.parametrize("place", ["audio/labels.csv", "labels.csv", "absolute"])
def test_an_edited_table_of_the_users_own_counts_wherever_it_lies(
    run_of, own_audio, tmp_path, place
):
    (tmp_path / "audio").mkdir()
    table = tmp_path / ("labels.csv" if place == "absolute" else place)
    relative = os.path.relpath(table, tmp_path / "audio")
    csv = str(table) if place == "absolute" else relative
    options = {"path": str(tmp_path / "audio"), "csv": csv}
    run = run_of(datasets={"birds": {"adapter": "folder", "options": options}})
    assert datasets.walked_folder(run, "birds") is None

    table.write_text("path,label\na.wav,wren\n")
    before = own_audio(run, "birds")
    (table.parent / "notes.csv").write_text("x")
    assert own_audio(run, "birds") == before
    table.write_text("path,label\na.wav,robin\n")
    assert own_audio(run, "birds") != before


@pytest.mark.parametrize(("csv", "place"), [("recordings/t.csv", BY_HAND), ("../t.csv", ".")])
def test_shipsear_put_at_its_default_place_counts_with_its_table(
    run_of, own_audio, tmp_path, csv, place
):
    def taken(**changes):
        block = {"options": {"csv": csv}, **changes}
        run = run_of(data={"dir": str(tmp_path)}, datasets={"shipsear": block})
        return [own_audio(run, name) for name in ("shipsear", "shipsear_5s")]

    ships = tmp_path / "shipsear" / BY_HAND
    ships.mkdir(parents=True)
    table = tmp_path / "shipsear" / place / "t.csv"
    table.write_text("id,type\n1,tug\n")
    before = taken()
    assert before[0] == before[1]
    # What `audio` puts beside is no change.
    (tmp_path / "shipsear/audio").mkdir()
    (tmp_path / "shipsear/audio" / BY_HAND).symlink_to(ships, target_is_directory=True)
    assert taken() == before
    table.write_text("id,type\n1,ferry\n")
    edited = taken()
    assert all(new != old for new, old in zip(edited, before, strict=True))
    (ships / "2 x.wav").write_bytes(b"0")
    assert all(new != old for new, old in zip(taken(), edited, strict=True))
    assert taken(archives=[ENTRY]) == [{}, {}]


def test_the_folder_that_is_walked_is_known(run_of):
    birds = {"birds": {"adapter": "folder", "options": {"path": "/data/birds"}}}
    run = run_of(data={"dir": "d"}, datasets=birds)
    assert datasets.walked_folder(run, "birds") == "/data/birds"
    assert datasets.walked_folder(run, "shipsear") == datasets.audio_of(run, "shipsear")
    assert datasets.walked_folder(run, "esc50") is None


def test_a_folder_of_recordings_that_is_not_there_is_named_with_its_key(run_of, tmp_path):
    def run(path):
        birds = {"adapter": "folder", "task": "multiclass", "options": {"path": str(path)}}
        return run_of(datasets={"birds": birds}, transfer_datasets=["birds"], ood=None)

    datasets.refuse_lost(run(tmp_path))
    with pytest.raises(
        UserError, match=r"datasets\.birds\.options\.path: there is no folder .*lost"
    ):
        datasets.refuse_lost(run(tmp_path / "lost"))


def test_only_what_is_cross_validated_depends_on_the_validation_fold(run_of):
    run = run_of(validation={"split": "next_fold"})
    assert datasets.manifest_settings(run, "esc50")["validation"] == "next_fold"
    assert datasets.manifest_settings(run, "audioset")["validation"] is None


def test_out_of_distribution_audio_is_compared_with_what_networks_are_trained_on(run_of):
    run = run_of()
    assert datasets.compared_with(run, "shipsear_5s") == [run.upstream, *run.transfer_datasets]
    assert datasets.compared_with(run, "audioset") == run.transfer_datasets
    assert datasets.compared_with(run, "elsewhere") == []
    # Transfer's clips stay as published; the others give way.
    assert datasets.shared_list_of(run, "esc50")
    assert datasets.left_out_of(run, "esc50") == []
    assert datasets.left_out_of(run, "shipsear_5s") == [
        "results/paper/manifests/shipsear_5s.shared.csv"
    ]
    assert datasets.without_shared(run) == ["audioset"]


def test_what_is_left_out_counts_by_its_contents(run_of, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = run_of()
    assert datasets.features_settings(run, "audioset")["left_out"] == []
    (shared,) = datasets.left_out_of(run, "audioset")
    path = tmp_path / shared
    path.parent.mkdir(parents=True)
    path.write_text("clip_id\n")
    empty = datasets.features_settings(run, "audioset")["left_out"]
    path.write_text("clip_id\na\n")
    assert len(empty) == 1
    assert datasets.features_settings(run, "audioset")["left_out"] != empty


def test_features_are_made_in_as_many_shards_as_the_config_says(run_of):
    shards = datasets.shards_of(run_of(datasets={"esc50": {"shards": 3}}))
    assert shards["esc50"] == 3
    assert shards["shipsear_5s"] == 1
    assert "shipsear" not in shards, "only its windows have a length"
