# ruff: noqa: RUF001 (letters of other alphabets)
"""Text tables as people have them, and what their values are. Each is loaded by its own line of Python."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """A file, an expression about the loaded table `df` that is true, and words of the description."""

    text: str
    check: str
    said: str = ""
    """A regular expression."""
    name: str = "t.csv"
    encoding: str = "utf-8"


DAY = "df['d'].dt.strftime('%Y-%m-%d').tolist()"
COLUMNS: dict[str, Case] = {
    "codes with leading zeros": Case(
        "zip,n\n00501,1\n02134,2\n", "list(df['zip']) == ['00501', '02134']", "leading zero"
    ),
    "a name that is a keyword": Case("name,class\na,€ 5.20\nb,€ 6.30\n", "list(df['class']) == [5.2, 6.3]"),
    "codes with a gap": Case("zip,n\n00501,1\n,2\n90210,3\n", "list(df['zip'].fillna('')) == ['00501', '', '90210']"),
    "codes with NA among them": Case("zip,n\n00501,1\nNA,2\n", "df['zip'].isna().tolist() == [False, True]"),
    "Namibia": Case("land,code\nNamibia,NA\nNorway,NO\n", "list(df['code']) == ['NA', 'NO']", "'NA' kept as text"),
    "names that pandas drops": Case(
        "surname,n\nNull,1\nNan,2\nNone,3\nnull,4\nTrue,5\n",
        "list(df['surname']) == ['Null','Nan','None','null','True']",
    ),
    "NA in numbers, and as a name": Case(
        "name,score,rate\nNA,1,n/a\nBob,NA,0.5\nCy,-,0.7\n",
        "list(df['name']) == ['NA', 'Bob', 'Cy'] and df['score'].sum() == 1 and df['rate'].isna().sum() == 1",
    ),
    "errors of Excel": Case("a,b\n1,#DIV/0!\n2,5.5\n3,#N/A\n", "df['b'].sum() == 5.5"),
    "a colon for missing": Case(
        "geo;2020;2021\nDE;2,5;:\nFR;: ;3,3\n", "df['2020'].sum() == 2.5 and df['2021'].sum() == 3.3"
    ),
    "long ids with a gap": Case("id,n\n9007199254740993,1\n,2\n", "int(df['id'][0]) == 9007199254740993"),
    "ids beyond 64 bits": Case("id,n\n18446744073709551617,1\n2,2\n", "df['id'][0] == '18446744073709551617'"),
    "phone numbers": Case("n,tel\nA,+491711234567\nB,+491719999999\n", "df['tel'][0] == '+491711234567'"),
    "codes like powers": Case("sku,n\n12E4,1\n1234,2\n77E1,3\n", "list(df['sku']) == ['12E4', '1234', '77E1']"),
    "hashes like powers": Case("h,n\n123e45,1\n456789,2\nabcdef,3\n", "df['h'][0] == '123e45'"),
    "powers": Case("v,n\n1.5e-3,1\n2e5,2\n", "df['v'].sum() == 200000.0015"),
    "house numbers": Case("s,no\nMain,12\nSide,12a\nOak,007\n", "list(df['no']) == ['12', '12a', '007']"),
    "versions": Case("v,n\n1.10.12,1\n1.9.11,2\n", "df['v'][0] == '1.10.12'"),
    "network addresses": Case("ip,n\n10.0.0.1,1\n192.168.1.10,2\n", "df['ip'][0] == '10.0.0.1'"),
    "German numbers": Case("a;b\nx;1.234,50\ny;89,99\n", "df['b'].sum() == 1324.49", "decimal comma"),
    "German thousands": Case("a;b\nx;83.200.000\ny;39.000\n", "df['b'].sum() == 83239000"),
    "French numbers": Case("v;m\nParis;1 234,50\nLyon;99,00\n", "df['m'].sum() == 1333.5"),
    "no-break spaces": Case("v;m\nParis;1\u00a0234,50\nLyon;99,00\n", "df['m'].sum() == 1333.5", encoding="cp1252"),
    "narrow no-break spaces": Case("v;m\nParis;1\u202f234,50\nLyon;99,00\n", "df['m'].sum() == 1333.5"),
    "thin spaces": Case("v;m\nParis;1\u2009234,5\nLyon;99\n", "df['m'].sum() == 1333.5"),
    "Swiss numbers": Case("k;s\nA;1'234'567.50\nB;-3'000.00\n", "df['s'].sum() == 1231567.5"),
    "typographic apostrophes": Case("k;s\nA;1’234.50\nB;99.00\n", "df['s'].sum() == 1333.5"),
    "Indian numbers": Case('i,a\nA,"12,34,567"\nB,500\n', "df['a'].sum() == 1235067"),
    "American numbers": Case('i,a\nA,"331,000,000"\nB,"39,000"\n', "df['a'].sum() == 331039000"),
    "two countries": Case("a;b\n1.234,50;1,234.50\n2.000,00;2,000.00\n", "df['a'].sum() == df['b'].sum() == 3234.5"),
    "percent": Case(
        "g;p\na;12,5 %\nb;3 %\nc;-\n", "df['p'].tolist()[:2] == [12.5, 3] and df['p'].isna().sum() == 1", "percent"
    ),
    "euros": Case("i;p\nA;€ 1.234,50\nB;-€ 3,25\n", "df['p'].sum() == 1231.25", "currency €"),
    "euros behind": Case("i;p\nA;1.234,50 EUR\nB;5,00 €\n", "df['p'].sum() == 1239.5"),
    "dollars in parentheses": Case('i,p\nA,"$1,234.50"\nB,($5.00)\n', "df['p'].sum() == 1229.5"),
    "a minus behind": Case("i;p\nA;1.250,00-\nB;15,50\n", "df['p'].sum() == -1234.5"),
    "a typographic minus": Case("v,n\n\u22125,1\n3,2\n", "df['v'].sum() == -2"),
    "rupees": Case('i,p\nA,"Rs. 1,234.50"\nB,Rs. 99.00\n', "df['p'].sum() == 1333.5"),
    "roubles": Case("т;ц\nx;1 234,50 руб.\ny;99,00 руб.\n", "df.iloc[:, 1].sum() == 1333.5"),
    "reais": Case("i;p\nA;R$ 1.234,50\nB;R$ 99,00\n", "df['p'].sum() == 1333.5"),
    "several currencies": Case(
        "i;p\nA;€ 5,00\nB;$ 6,00\n", "list(df['p']) == ['€ 5,00', '$ 6,00']", "several currencies"
    ),
    "a point that may be both": Case("a,x\n1.234,u\n5.678,v\n", "df['a'].sum() == 6.912", "1.234 is ambiguous"),
    "a point that others explain": Case("a;b\n1.234;1,5\n5.678;2,5\n", "df['a'].sum() == 6912", "1.234 is ambiguous"),
    "dots in dates": Case("d;v\n05.03.2022;1\n06.03.2022;2\n", f"{DAY} == ['2022-03-05', '2022-03-06']"),
    "blanks in dates": Case("d;v\n5. 3. 2022;1\n17. 12. 2021;2\n", f"{DAY} == ['2022-03-05', '2021-12-17']"),
    "day first, shown late": Case("d,v\n01/02/2011,1\n20/10/2011,2\n", f"{DAY} == ['2011-02-01', '2011-10-20']"),
    "month first, shown late": Case("d,v\n01/02/2011,1\n10/20/2011,2\n", f"{DAY} == ['2011-01-02', '2011-10-20']"),
    "an order that nothing shows": Case(
        "d,v\n01/02/2024,1\n03/04/2024,2\n", f"{DAY}[0] == '2024-01-02'", "taken as month first"
    ),
    "an order that commas show": Case(
        "d;v\n01/02/2024;1,5\n03/04/2024;2,5\n", f"{DAY}[0] == '2024-02-01'", "taken as day first"
    ),
    "orders that contradict": Case(
        "d,v\n13/02/2024,1\n02/13/2024,2\n", "df['d'][0] == '13/02/2024'", "some dates have the day first"
    ),
    "short years": Case("d,v\n05.03.22,1\n31.12.99,2\n", f"{DAY} == ['2022-03-05', '1999-12-31']"),
    "names of months": Case("d,v\n5 Mar 2022,1\n17 Dec 2021,2\n", f"{DAY} == ['2022-03-05', '2021-12-17']"),
    "American names of months": Case('d,v\n"Mar 5, 2022",1\n"Dec 17, 2021",2\n', f"{DAY}[0] == '2022-03-05'"),
    "dates of mail": Case(
        'd,v\n"Sat, 05 Mar 2022 10:00:00 +0000",1\n', "df['d'][0] == pd.Timestamp('2022-03-05T10:00Z')"
    ),
    "compact dates": Case("d,v\n20220305,1\n20211217,2\n", f"{DAY} == ['2022-03-05', '2021-12-17']"),
    "with and without a time": Case(
        "d,v\n05.03.2022,1\n06.03.2022 10:30,2\n", "df['d'][1] == pd.Timestamp(2022, 3, 6, 10, 30)"
    ),
    "afternoon": Case(
        "d,v\n1/5/2024 3:15 PM,1\n1/25/2024 11:05 AM,2\n", "df['d'][0] == pd.Timestamp(2024, 1, 5, 15, 15)"
    ),
    "a comma before milliseconds": Case('d,v\n"2024-01-05 10:00:00,123",1\n', "df['d'][0].microsecond == 123000"),
    "universal time": Case("d,v\n2024-03-31T01:00:00Z,1\n", "df['d'][0] == pd.Timestamp('2024-03-31T01:00Z')"),
    "offsets that differ": Case(
        "d,v\n2024-03-31T01:00:00+01:00,1\n2024-03-31T03:00:00+02:00,2\n",
        "(df['d'][1] - df['d'][0]).total_seconds() == 3600",
        "different offsets",
    ),
    "the date of nothing": Case("d;v\n05.01.2024;1\n00.00.0000;2\n", "df['d'].isna().tolist() == [False, True]"),
    "the end of time": Case("d,v\n2024-01-05,1\n9999-12-31,2\n", "df['d'].dt.year.max() == 9999"),
    "times of day": Case("t,v\n08:30,1\n17:05,2\n", "list(df['t']) == ['08:30', '17:05']"),
    "truth with gaps": Case(
        "a,b\nTrue,ja\nFalse,nein\n,ja\n", "df['a'].sum() == 1 and list(df['b']) == ['ja', 'nein', 'ja']"
    ),
    "blanks around cells": Case(
        "region , units\nNorth , 3 \nSouth , 4 \n", "df[df['region'] == 'North']['units'].sum() == 3"
    ),
    "blanks for nothing": Case("a,b\n1,   \n2,5\n", "df['b'].sum() == 5"),
}
"""What a column means."""

PLACES: dict[str, Case] = {
    "a declared separator": Case("sep=;\na;b\n1;2,5\n", "list(df.columns) == ['a', 'b'] and df['b'].sum() == 2.5"),
    "lines above": Case("Report 2024\nUnit: EUR\n\na,b\nx,1\ny,2\n", "df['b'].sum() == 3", "2 lines above"),
    "sentences above": Case(
        "Station: Oslo, Norway\nUnit: mm\n\nyear,rain\n2001,700\n2002,810\n", "df['rain'].sum() == 1510"
    ),
    "keys and values above": Case("By;Ann\nOn;2024-01-05\n\nname;x;n\na;1;2\nb;2;3\n", "df['n'].sum() == 5"),
    "as Excel exports it": Case(
        "Umsätze;;;\nStand: 05.03.2022;;;\n;;;\nRegion;Umsatz;Anteil;\nNord;1.234,50;12,5 %;\nSüd;2.000,00;87,5 %;\n"
        "Gesamt;3.234,50;100,0 %;\n;;;\nQuelle: SAP;;;\n",
        "list(df.columns) == ['Region', 'Umsatz', 'Anteil'] and df['Umsatz'].sum() == 3234.5 and len(df) == 2",
        "looks like a total",
        encoding="cp1252",
    ),
    "comments": Case(
        "# made by x\n# a,b\n1,2\n3,4\n# pause\n5,6\n", "list(df.columns) == ['a', 'b'] and df['b'].sum() == 12"
    ),
    "a total": Case("r,u\nN,3\nS,4\nTotal,7\n", "df['u'].sum() == 7", "looks like a total"),
    "a total below a blank line": Case("r,u\nN,3\nS,4\n\nGrand Total,7\n", "df['u'].sum() == 7"),
    "a total without a name": Case("r,u\nN,3\nS,4\nW,5\n,12\n", "df['u'].sum() == 12"),
    "totals and averages": Case("m,s\nJan,10\nFeb,20\nTOTAL,30\nAverage,15\n", "df['s'].sum() == 30"),
    "subtotals": Case(
        "r,i,u\nN,a,1\nN,b,2\nSubtotal,,3\nS,a,4\nS,b,5\nSubtotal,,9\nTotal,,12\n",
        "df['u'].sum() == 12 and len(df) == 4",
    ),
    "a total in Japanese": Case("店,売上\n東,10\n西,20\n合計,30\n", "df['売上'].sum() == 30"),
    "a brand named Total": Case("brand,town,n\nShell,A,10\nBP,B,20\nTotal,C,5\n", "df['n'].sum() == 35"),
    "remarks below": Case(
        "c,g\nFR,3.1\nES,1.6\n\nSource: Eurostat, 2024-05-01\n* provisional\n", "round(df['g'].sum(), 1) == 4.7"
    ),
    "a remark right below": Case("a,b,c\n1,2,3\n4,5,6\nRecords: 2, on 2024-01-01\n", "df['a'].sum() == 5"),
    "an end mark": Case("a,b,c\n1,2,3\n4,5,6\n-- end of export --\n", "df['c'].sum() == 9"),
    "separators at line ends": Case("a,b,\n1,2,\n3,4,\n", "list(df.columns) == ['a', 'b'] and df['a'].sum() == 4"),
    "separators at line ends of rows": Case("a,b\n1,2,\n3,4,\n", "df['a'].sum() == 4 and df['b'].sum() == 6"),
    "blank lines": Case("a;b\n1;1,5\n\n2;2,5\n\n3;3,5\n", "df['b'].sum() == 7.5"),
    "lines of separators": Case("a,b\n1,2\n3,4\n,\n,\n", "len(df) == 2 and df['b'].sum() == 6"),
    "the header again": Case("a,b\n1,x\n2,y\na,b\n3,z\n", "df['a'].sum() == 6"),
    "only the first cell": Case("a,b\nx,\ny,5\nz,\n", "list(df['a']) == ['x', 'y', 'z']"),
    "one column": Case("id\n007\n008\n", "list(df['id']) == ['007', '008']"),
    "no header": Case("1;x;2024-01-01\n2;y;2024-01-02\n", "len(df) == 2 and df['column_1'].sum() == 3", "no names"),
    "no header, texts alone": Case("Ann,Rome\nBob,Oslo\nAnn,Paris\n", "len(df) == 3"),
    "years as names": Case("2019,2020,2021\n5,6,7\n8,9,10\n", "df['2020'].sum() == 15"),
    "blanks around names": Case("region ,units \nN,3\nS,4\n", "list(df.columns) == ['region', 'units']"),
    "the same name twice": Case("a,a,,b\n1,2,3,4\n", "list(df.columns) == ['a', 'a.1', 'Unnamed: 2', 'b']"),
    "a name of two lines": Case('id,"Unit\nprice"\n1,2.5\n', "df['Unit price'].sum() == 2.5"),
    "a line of units": Case("t,temp\ns,°C\n0,21.5\n1,21.5\n", "df['temp'].mean() == 21.5", "temp °C"),
    "a word that is no unit": Case("name,score\nAnn,absent\nBob,5\nCy,6\n", "len(df) == 3"),
    "a header of two lines": Case(";2023;;2024;\nR;Q1;Q2;Q1;Q2\nN;1;2;3;4\nS;5;6;7;8\n", "df['2024 Q1'].sum() == 10"),
    "row labels": Case('"x" "y"\n"a b" 1 2.5\n"c d" 3 4\n', "df['y'].sum() == 6.5", name="t.txt"),
    "lines in a cell": Case('id,t\n1,"one\ntwo"\n2,"say ""hi"""\n', "list(df['t']) == ['one\\ntwo', 'say \"hi\"']"),
    "escaped quotes": Case('id,t\n1,"say \\"hi\\", ok"\n2,"x"\n3,"y"\n', "df['t'][0] == 'say \"hi\", ok'"),
    "single quotes": Case("id,t\n'1','a,b'\n'2','c'\n", "list(df['t']) == ['a,b', 'c']"),
    "a quote that never ends": Case('id\tt\n1\t"open\n2\tfine\n3\t5" pipe\n', "len(df) == 3", name="t.tsv"),
    "a bar twice": Case("a||b\n1||x\n2||y\n", "df['a'].sum() == 3"),
    "a caret": Case("id^n^v\n1^A^2.5\n2^B^3.5\n", "df['v'].sum() == 6", name="t.txt"),
    "unit separators": Case("id\x1fn\x1fv\n1\x1fA\x1f2.5\n2\x1fB\x1f3.5\n", "df['v'].sum() == 6"),
    "a table of psql": Case(
        " id | name\n----+------\n  1 | Ann\n  2 | Bob\n(2 rows)\n", "list(df['name']) == ['Ann', 'Bob']"
    ),
    "a table of Markdown": Case(
        "| id | name |\n|----|------|\n| 1 | Ann |\n| 2 | Bob |\n", "list(df.columns) == ['id', 'name']"
    ),
    "blanks between columns": Case("x   y    z\n1.5 2.0  3\n10  20  30\n", "df['z'].sum() == 33", name="t.txt"),
    "fixed widths": Case(
        "ID    NAME          CITY        AMT\n0001  Ann Lee       New York  12.50\n"
        "0002  Bob           Bonn       7.00\n0017  Cy de la Rey  Lima       9.25\n",
        "list(df['ID']) == ['0001', '0002', '0017'] and df['NAME'][2] == 'Cy de la Rey' and df['AMT'].sum() == 28.75",
        name="t.dat",
    ),
    "old line ends": Case("a,b\r1,x\r2,y\r", "df['a'].sum() == 3"),
    "only a header": Case("a,b,c\n", "list(df.columns) == ['a', 'b', 'c'] and len(df) == 0"),
    "a row that is too long": Case("a,b\n1,2\n3,4,5\n6,7\n", "df['a'].sum() == 7", "1 row has more cells"),
}
"""Where the table is."""

ENCODINGS: dict[str, Case] = {
    "Spanish": Case(
        "ciudad,población\nMálaga,578\nLogroño,150\n", "df['ciudad'][1] == 'Logroño'", "cp1250", encoding="latin-1"
    ),
    "German": Case("stadt;n\nMünchen;1\nKöln;2\n", "df['stadt'][0] == 'München'", encoding="cp1252"),
    "French": Case("ville,n\nBesançon,1\nNîmes,2\n", "df['ville'][0] == 'Besançon'", encoding="cp1252"),
    "Polish": Case("miasto;n\nŁódź;1\nGdańsk;2\nŚwidnica;3\n", "df['miasto'][0] == 'Łódź'", encoding="cp1250"),
    "Polish, ISO": Case(
        "miasto;n\nŁódź;1\nGdańsk;2\nŚwidnica;3\n", "df['miasto'][2] == 'Świdnica'", encoding="iso8859_2"
    ),
    "Czech": Case("město;n\nPlzeň;1\nŽďár;2\n", "df['město'][1] == 'Žďár'", encoding="cp1250"),
    "Hungarian": Case("város;n\nGyőr;1\nHódmezővásárhely;2\n", "df['város'][0] == 'Győr'", encoding="cp1250"),
    "Turkish": Case("şehir,n\nİstanbul,1\nIğdır,2\n", "df['şehir'][0] == 'İstanbul'", encoding="cp1254"),
    "Russian": Case("Город;n\nМосква;1\nКазань;2\n", "df['Город'][0] == 'Москва'", encoding="cp1251"),
    "Russian, of Unix": Case("Город;n\nМосква;1\nКазань;2\n", "df['Город'][0] == 'Москва'", encoding="koi8_r"),
    "Greek": Case("πόλη;n\nΑθήνα;1\nΠάτρα;2\n", "df['πόλη'][0] == 'Αθήνα'", encoding="cp1253"),
    "Japanese": Case("都市,人口\n東京,1300\n大阪,270\n", "df['都市'][0] == '東京'", encoding="cp932"),
    "Japanese, of Unix": Case("都市,人口\n東京,1300\n大阪,270\n", "df['都市'][0] == '東京'", encoding="euc_jp"),
    "Japanese, of mail": Case("都市,人口\n東京,1300\n大阪,270\n", "df['都市'][0] == '東京'", encoding="iso2022_jp"),
    "Chinese": Case("姓名,城市\n张伟,北京\n王芳,上海\n", "df['姓名'][0] == '张伟'", encoding="gbk"),
    "Chinese of Taiwan": Case("城市,人口\n台北,260\n高雄,270\n", "df['城市'][0] == '台北'", encoding="big5"),
    "Korean": Case("이름,도시\n김철수,서울\n이영희,부산\n", "df['도시'][1] == '부산'", encoding="cp949"),
    "German of DOS": Case("Name;Ort\nMüller;Köln\nJäger;Düsseldorf\n", "df['Ort'][0] == 'Köln'", encoding="cp850"),
    "French of old Macs": Case("ville,n\nOrléans,1\nBesançon,2\n", "df['ville'][0] == 'Orléans'", encoding="mac_roman"),
    "units alone": Case("size,unit\n5,µm\n7,°C\n", "list(df['unit']) == ['µm', '°C']", encoding="latin-1"),
    "euros alone": Case("i;p\nA;5,00 €\nB;6,50 €\n", "df['p'].sum() == 11.5", encoding="cp1252"),
    "wide": Case("name;n\nMüller;1\nŁódź;2\n", "df['name'][1] == 'Łódź'", encoding="utf-16"),
    "wide without a mark": Case("Имя;n\nИван;1\nОльга;2\n", "df['Имя'][0] == 'Иван'", encoding="utf-16-le"),
    "a mark": Case("name,n\nMüller,1\n", "list(df.columns) == ['name', 'n']", encoding="utf-8-sig"),
}
"""Which encoding."""
