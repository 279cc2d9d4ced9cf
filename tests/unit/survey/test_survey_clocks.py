"""Clocks in the names of recordings, as recorders write them, and in a table of the user's."""

import warnings
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vipann.errors import DataWarning, UserError
from vipann.survey.clocks import NoTimeError, started_at, starts_of, time_column, zone_of

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("20230115_143000.WAV", "2023-01-15T14:30:00"),
        ("card 3/20230115_143000T.WAV", "2023-01-15T14:30:00"),
        ("24F319046030A2F0_20230115_143000.WAV", "2023-01-15T14:30:00"),
        ("5E90A4D4.WAV", "2020-04-10T16:54:44"),
        ("6075.220210084905.wav", "2022-02-10T08:49:05"),
        ("SanctSound_SB01_01_1678032935_181112190000.wav", "2018-11-12T19:00:00"),
        ("SM4ABC_20230115_143000.wav", "2023-01-15T14:30:00"),
        ("SM3_0+1_20230115_143000.wav", "2023-01-15T14:30:00"),
        ("DR5_20120525$190500.wav", "2012-05-25T19:05:00"),
        ("S4A01234_20230115_143000_000.wav", "2023-01-15T14:30:00"),
        ("2023-01-15T14-30-00Z.flac", "2023-01-15T14:30:00"),
        ("2023-01-15T14:30:00.flac", "2023-01-15T14:30:00"),
        ("20230115T143000.250+0100.wav", "2023-01-15T13:30:00.250000"),
        ("20190819T060000+10:00_site.wav", "2019-08-18T20:00:00"),
        ("Dep1-e1d282a3.Chan_1-24bps.1277236867.2010-06-22-20-01-07.wav", "2010-06-22T20:01:07"),
        ("PAM_20171108_094819_000.wav", "2017-11-08T09:48:19"),
        ("ICLISTENHF1234_20230115T143000.000Z.wav", "2023-01-15T14:30:00"),
    ],
)
def test_clocks_of_recorders(name, time):
    assert started_at(name, ZoneInfo("UTC")) == datetime.fromisoformat(time).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "name",
    [
        "wren.wav",
        "116400__user__dawn chorus.wav",
        "1-100032-A-0.ogg",
        "12345678.wav",
        "DEADBEEFS.wav",
        "30000101_000000.wav",
        "20230115.wav",
        "20230115_1430.wav",
        "120230115_143000.wav",
    ],
)
def test_names_without_a_clock(name):
    assert started_at(name, BERLIN) is None


@pytest.mark.parametrize(
    "name",
    ["20231315_143000.wav", "20230230_143000.wav", "20230115_250000.wav", "1.220210084960.wav"],
)
def test_a_clock_that_is_no_time(name):
    with pytest.raises(NoTimeError, match="is no time"):
        started_at(name, BERLIN)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)))
def test_a_time_that_is_written_is_read(time):
    time = time.replace(microsecond=0)
    for form in ("%Y%m%d_%H%M%S", "x_%Y-%m-%dT%H-%M-%SZ", "7.%y%m%d%H%M%S"):
        assert started_at(f"{time.strftime(form)}.wav", ZoneInfo("UTC")) == time


def test_a_zone_is_that_of_clocks_that_name_none():
    summer, hexadecimal = (started_at(n, BERLIN) for n in ("20230715_120000.wav", "5E90A4D4.WAV"))
    assert summer.utcoffset() == timedelta(hours=2)
    assert summer.astimezone(UTC).hour == 10
    assert hexadecimal.isoformat() == "2020-04-10T18:54:44+02:00"
    with pytest.raises(UserError, match="time_zone is 'Mars/Base'"):
        zone_of("Mars/Base")


def test_a_clock_that_is_no_time_is_named_and_the_others_are_kept():
    with pytest.warns(DataWarning, match="b/20231315_143000.wav .*is no time"):
        starts = starts_of(["a/20230115_143000.wav", "b/20231315_143000.wav", "c.wav"], BERLIN)
    assert list(starts) == ["a/20230115_143000.wav"]


def test_names_without_a_clock_are_reported():
    with pytest.warns(DataWarning, match=r"a.wav, b.wav, c.wav and 2 more \(no clock in the name"):
        assert not starts_of([f"{name}.wav" for name in "abcde"], BERLIN)


def test_a_table_goes_before_names(tmp_path):
    table = tmp_path / "starts.csv"
    names = ["20231315_143000.wav", "c.wav", "20230115_143000.wav"]
    table.write_text(
        "recording,started_at\n20231315_143000.wav,2023-12-15T14:30:00Z\nc.wav,2023-01-01 10:00\n"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        starts = starts_of(names, BERLIN, table)
    assert starts["20231315_143000.wav"].isoformat() == "2023-12-15T15:30:00+01:00"
    assert starts["c.wav"].isoformat() == "2023-01-01T10:00:00+01:00"
    assert starts["20230115_143000.wav"].isoformat() == "2023-01-15T14:30:00+01:00"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("c.wav,yesterday", "line 2: started_at 'yesterday' is no time"),
        ("d.wav,2023-01-01", "line 2: there is no recording 'd.wav'"),
        ("c.wav,2023-01-01\nc.wav,2023-01-02", "line 2: c.wav is there twice|line 3: c.wav is"),
    ],
)
def test_faults_of_a_table_are_named_by_their_line(tmp_path, row, message):
    table = tmp_path / "starts.csv"
    table.write_text(f"recording,started_at\n{row}\n")
    with pytest.raises(UserError, match=message):
        starts_of(["c.wav"], BERLIN, table)


def test_times_within_recordings_pass_over_a_change_of_clocks():
    starts = starts_of(["20231029_015900.wav"], BERLIN)
    times = time_column(
        pd.Series(["20231029_015900.wav", "x.wav"]), pd.Series([3720.0, 0.0]), starts
    )
    # 01:59 summer time and 62 minutes: 02:01 winter time.
    assert (
        datetime.fromisoformat(times[0]).astimezone(UTC).isoformat().startswith("2023-10-29T01:01")
    )
    assert times[1] == ""
