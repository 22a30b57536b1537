"""The two districts as they are told (两个虚构的城区): places, firms and people, in plain tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time

PARK = "园区"  # the other kind is 楼宇: a building
UNITS = {
    "经信": "区经济和信息化局",
    "科技": "区科技和人才局",
    "商务": "区商务局",
    "教文卫": "区教育文化和卫生健康局",
}
HEADS = ("温其玉", "陆知远", "方既白", "叶长青")  # of the units, in their order


@dataclass(frozen=True, slots=True)
class Site:
    """A place. `crowd` is how many attempts a working day brings; a building may stand in a `park`."""

    kind: str
    name: str
    community: str
    unit: str
    address: str
    opens: time | None
    closes: time | None
    crowd: int
    gates: tuple[str, ...]
    park: str


@dataclass(frozen=True, slots=True)
class Firm:
    """An enterprise where it sits. `kind` opens its credit code: 91 company, 92 sole trader, 31 law firm."""

    place: str
    name: str
    short: str
    headcount: int | None
    room: str
    unit: str
    kind: str = "91"


@dataclass(frozen=True, slots=True)
class Sketch:
    """A district in tables, and what they say when they are read."""

    slug: str
    name: str
    scheme_key: str
    adopted_on: date
    organ: str  # that registers its firms, see `people.credit_code`
    dialling: str  # the first digits of its telephones
    communities: dict[str, tuple[str, ...]]  # by street
    clinics: tuple[tuple[str, str, str], ...]  # name, address, street; no street: for the whole district
    places: str
    enterprises: str
    branches: tuple[tuple[str, str, str], ...]  # short name of a firm, a second place, the room there
    staff: str

    def sites(self) -> list[Site]:
        """A building that is written further in stands in the park above it."""
        found, park = list[Site](), ""
        for line in self.places.rstrip().strip("\n").splitlines():
            kind, name, community, unit, address, hours, crowd, gates = line.split()
            within = line.startswith(" " * 10)
            park = name if kind == PARK else park
            opens, closes = (None, None) if hours == "全天" else map(time.fromisoformat, hours.split("–"))
            found.append(
                Site(kind, name, community, UNITS[unit], address, opens, closes, int(crowd),
                     tuple(gates.split("、")), park if within else "")
            )  # fmt: skip
        return found

    def firms(self) -> list[Firm]:
        """A line of one word names the place of the firms below it."""
        found, place = list[Firm](), ""
        for line in self.enterprises.strip().splitlines():
            words = line.split()
            if len(words) == 1:
                place = words[0]
                continue
            name, short, headcount, room, unit, *kind = words
            number = None if headcount == "未填" else int(headcount)
            found.append(Firm(place, name, short, number, room, UNITS[unit], *kind))
        return found

    def people(self) -> list[tuple[str, str, list[tuple[str, str]]]]:
        """Username, name and posts as (post, scope): a name from above, or empty for the district."""
        found = []
        for line in self.staff.strip().splitlines():
            username, name, *posts = line.split()
            held = [(post, scope) for post, _, scope in (words.partition(":") for words in posts)]
            found.append((username, name.replace("_", " "), held))
        return found


YUNXI = Sketch(
    slug="yunxi",
    name="云溪高新区",
    scheme_key="chengdu-hitech/2022-03-23",
    adopted_on=date(2022, 4, 1),
    organ="990001",
    dialling="0000-0000",
    communities={
        "桂湖街道": ("锦书社区", "映湖社区"),
        "石桥街道": ("石桥社区", "工坊社区"),
        "临溪街道": ("柳堤社区", "云帆社区"),
    },
    clinics=(
        ("桂湖社区卫生服务中心", "锦书路60号", "桂湖街道"),
        ("石桥社区卫生服务中心", "石桥路201号", "石桥街道"),
        ("云溪高新区人民医院发热门诊", "临溪大道8号", ""),
    ),
    # kind name community unit address hours crowd gates
    places="""
        园区 云溪软件园B区 锦书社区 经信 锦书路18号 06:00–22:00 240 东门2号口、西门货运口、北门、地下车库B2口
          楼宇 云溪软件园B区3号楼 锦书社区 经信 锦书路18号 06:30–23:30 110 大堂、地下车库B2电梯厅
          楼宇 云溪软件园B区5号楼 锦书社区 经信 锦书路18号 06:30–23:30 70 大堂、东侧门
        园区 桂湖智谷 映湖社区 科技 映湖大道9号 06:00–22:00 120 南大门、东门、地下车库B1口
          楼宇 桂湖智谷A座 映湖社区 科技 映湖大道9号 06:30–23:30 90 大堂、北侧门
          楼宇 桂湖智谷C座 映湖社区 科技 映湖大道9号 06:30–23:30 95 大堂、地下车库B1电梯厅
        园区 石桥智造园 工坊社区 经信 工坊东路77号 全天 170 正门、东门2号口、西门货运口、员工通道
          楼宇 石桥智造园1号厂房 工坊社区 经信 工坊东路77号 全天 90 人行门、货运门
        园区 临溪生物医药港 云帆社区 科技 云帆路1号 06:00–22:00 90 南门、北门、冷链货运口
          楼宇 临溪生物医药港研发楼 云帆社区 科技 云帆路1号 06:30–23:30 70 大堂、样本接收口
        楼宇 锦程国际中心 锦书社区 商务 锦程大道100号 06:30–23:30 170 正门、东侧门、地下车库B2口、货运通道
        楼宇 石桥路创业楼 石桥社区 科技 石桥路56号 06:00–22:00 35 正门、后院门
        楼宇 云溪商务大厦 柳堤社区 商务 柳堤路22号 06:30–23:30 110 正门、西门、货运口
        楼宇 柳堤邻里中心 柳堤社区 商务 柳堤路90号 05:30–21:00 50 正门、南门
        楼宇 工坊里文创楼 工坊社区 教文卫 工坊巷3号 09:00–21:00 25 正门
        楼宇 云溪健康产业大楼 云帆社区 教文卫 云帆路15号 06:00–22:00 65 正门、北门
    """,
    # name short-name staff room unit [kind of organisation]
    enterprises="""
        云溪软件园B区
          石上清泉餐饮管理有限责任公司云溪软件园第三分公司 石上清泉餐饮 46 中心食堂 商务
          云溪安步物业服务有限公司软件园管理处 安步物业 118 物业楼1层 商务
          云溪晨露便利连锁有限公司软件园店 晨露便利 9 1号楼底层 商务
          云溪驿路物流有限公司 驿路物流 73 西门货运站 商务
        云溪软件园B区3号楼
          云溪星河微电子有限公司 星河微电子 612 3号楼2–4层 经信
          云溪听雨软件有限公司 听雨软件 201 3号楼5层 经信
          云溪南屏数据服务有限公司 南屏数据 148 3号楼6层 经信
          云溪拾贝网络科技有限公司 拾贝网络 64 3号楼7层 经信
          云溪知秋信息技术有限公司 知秋信息 30 3号楼8层西 经信
        云溪软件园B区5号楼
          云溪归帆智能科技有限公司 归帆智能 400 5号楼3–5层 经信
          云溪半亩方塘教育科技有限公司 半亩方塘 29 5号楼6层 教文卫
          云溪木石数字创意有限公司 木石数创 88 5号楼7层 经信
          云溪长风测绘技术有限公司 长风测绘 56 5号楼8层 科技
        桂湖智谷
          云溪桂湖科技园运营管理有限公司 桂湖运营 41 服务中心 科技
          云溪小满团餐有限公司 小满团餐 33 B1层食堂 商务
        桂湖智谷A座
          远山（云溪）工业软件有限公司 远山工业软件 188 A座9–11层 经信
          云溪见山人工智能研究院有限公司 见山智能 399 A座12–16层 科技
          云溪微澜传感技术有限公司 微澜传感 200 A座5–6层 科技
          云溪一苇信息安全有限公司 一苇信安 95 A座7层 科技
          云溪桂子咖啡有限公司 桂子咖啡 7 A座大堂 商务
        桂湖智谷C座
          云溪望岳航空电子有限公司 望岳航电 1000 C座1–8层 经信
          云溪青简知识产权代理有限公司 青简知产 18 C座9层 科技
          云溪朗月光电有限公司 朗月光电 266 C座10–12层 科技
        石桥智造园
          云溪一二三四五六七八九十精密仪器制造有限公司 一二三精仪 未填 2号厂房 经信
          云溪云锦汽车零部件有限公司 云锦零部件 1450 3号厂房 经信
          云溪石桥智造园管理有限公司 石桥智造 52 管理楼 经信
          云溪铸心机器人有限公司 铸心机器人 318 4号厂房 经信
          云溪大江包装有限公司 大江包装 172 5号厂房 经信
        石桥智造园1号厂房
          云溪铁铧精密机床有限公司 铁铧机床 823 1号厂房1–2层 经信
          云溪合金谷材料有限公司 合金谷材料 240 1号厂房3层 经信
        临溪生物医药港
          云溪杏林冷链有限公司 杏林冷链 61 冷链中心 商务
          云溪医药港开发运营有限公司 医药港运营 38 综合楼 科技
          云溪白露生物制品股份有限公司 白露生物 720 2号楼 科技
        临溪生物医药港研发楼
          云溪百草新药研发有限公司 百草新药 486 研发楼4–9层 科技
          云溪启明医学检验有限公司 启明检验 157 研发楼2层 教文卫
          云溪素问医疗器械有限公司 素问器械 94 研发楼3层 科技
        锦程国际中心
          云溪青禾生物科技股份有限公司 青禾生物 1036 18–22层 经信
          云溪拾光文化传播工作室 拾光文化 12 9层 教文卫 92
          云溪金石会计师事务所（普通合伙） 金石会计 67 11层 商务
          云溪临川律师事务所 临川律所 44 12层 商务 31
          云溪锦程酒店管理有限公司 锦程酒店 210 1–6层 商务
          云溪一纸书店有限公司 一纸书店 6 2层 教文卫
          云溪海棠财富管理咨询有限公司 海棠咨询 28 15层 商务
        石桥路创业楼
          云溪新芽孵化器管理有限公司 新芽孵化 15 1层 科技
          云溪野渡户外用品有限公司 野渡户外 22 3层 商务
          云溪折纸玩具设计有限公司 折纸玩具 11 4层 商务
          云溪蓝桉环境检测有限公司 蓝桉检测 49 5层 科技
        云溪商务大厦
          云溪四海国际货运代理有限公司 四海货代 86 7层 商务
          云溪和声人力资源有限公司 和声人力 134 8层 商务
          云溪灯塔呼叫服务有限公司 灯塔呼叫 540 10–12层 商务
          云溪秋水广告有限公司 秋水广告 24 9层 商务
          云溪云泽保险代理有限公司 云泽保险 58 6层 商务
        柳堤邻里中心
          云溪柳堤农贸市场管理有限公司 柳堤农贸 35 1层 商务
          云溪童心托育服务有限公司 童心托育 31 2层 教文卫
          云溪一刀剪美发店 一刀剪美发 5 1层东 商务 92
        工坊里文创楼
          云溪陶然工艺品有限公司 陶然工艺 19 2层 教文卫
          云溪皮影小剧场有限公司 皮影剧场 14 1层 教文卫
        云溪健康产业大楼
          云溪仁里体检中心有限公司 仁里体检 126 2–4层 教文卫
          云溪静水康复器材有限公司 静水康复 43 5层 科技
          云溪南星药房连锁有限公司 南星药房 98 1层 商务
    """,
    branches=(
        ("星河微电子", "石桥智造园1号厂房", "封装车间"),
        ("青禾生物", "云溪软件园B区5号楼", "5号楼2层"),
    ),
    # zhuanyuan11 has left: two buildings lack a specialist (PLC-5)
    staff="""
        xitong 郑守拙 system_admin
        anquan 白知遥 security_admin
        shenji 汪清如 audit_admin
        zhuanban1 沈明川 task_force unit_liaison:区教育文化和卫生健康局
        zhuanban2 韩予安 task_force
        lianluo1 周知行 unit_liaison:区经济和信息化局 community_liaison:锦书社区 task_force
        lianluo2 苏晚晴 unit_liaison:区科技和人才局
        lianluo3 梁承泽 unit_liaison:区商务局
        lianluo4 任嘉树 unit_liaison:区教育文化和卫生健康局
        shequ1 何田田 community_liaison:锦书社区
        shequ2 罗春生 community_liaison:映湖社区
        shequ3 谢玉珍 community_liaison:石桥社区
        shequ4 邓海燕 community_liaison:工坊社区
        shequ5 唐慕白 community_liaison:柳堤社区
        shequ6 阿木惹古 community_liaison:云帆社区
        zhuanyuan1 许安澜 specialist:云溪软件园B区
        zhuanyuan2 顾长宁 specialist:锦程国际中心
        zhuanyuan3 陆青岩 specialist:桂湖智谷A座
        zhuanyuan4 江听澜 specialist:桂湖智谷 specialist:桂湖智谷C座
        zhuanyuan5 田立冬 specialist:石桥智造园 specialist:石桥智造园1号厂房
        zhuanyuan6 卓玛央金 specialist:临溪生物医药港 specialist:临溪生物医药港研发楼
        zhuanyuan7 钟亦舟 specialist:云溪软件园B区5号楼
        zhuanyuan8 叶疏影 specialist:云溪商务大厦
        zhuanyuan9 石念初 specialist:柳堤邻里中心
        zhuanyuan10 夏鹿鸣 specialist:云溪健康产业大楼
        zhuanyuan11 方雨桐 specialist:石桥路创业楼 specialist:工坊里文创楼
        menwei1 罗守诚 gate_guard:云溪软件园B区
        menwei2 马建军 gate_guard:云溪软件园B区
        menwei3 彭国强 gate_guard:桂湖智谷
        menwei4 曹志刚 gate_guard:石桥智造园
        menwei5 艾力江·吐尔逊 gate_guard:石桥智造园
        menwei6 袁秀兰 gate_guard:临溪生物医药港
        menwei7 丁立夏 gate_guard:锦程国际中心
        menwei8 贺长河 gate_guard:石桥路创业楼
        menwei9 龙小满 gate_guard:云溪商务大厦
        menwei10 戴丽娟 gate_guard:柳堤邻里中心
        menwei11 范冬青 gate_guard:云溪健康产业大楼
        qiye1 林见微 health_manager:星河微电子 specialist:云溪软件园B区3号楼
        qiye2 程远志 chief_health_officer:星河微电子
        qiye3 江知夏 chief_health_officer:青禾生物
        qiye4 邱若水 health_manager:青禾生物
        qiye5 沈秋白 health_manager:石上清泉餐饮
        qiye6 孟怀瑾 chief_health_officer:见山智能
        qiye7 向以南 health_manager:微澜传感
        qiye8 秦望舒 chief_health_officer:望岳航电
        qiye9 巴特尔 chief_health_officer:铁铧机床
        qiye10 崔思源 chief_health_officer:云锦零部件
        qiye11 黎书言 health_manager:云锦零部件
        qiye12 侯谷雨 chief_health_officer:百草新药
        qiye13 蒋淑芬 chief_health_officer:锦程酒店
        qiye14 余时雨 chief_health_officer:灯塔呼叫
        qiye15 Anna_Müller chief_health_officer:归帆智能
        qiye16 吕修远 health_manager:听雨软件
        qiye17 高景行 health_manager:安步物业
        qiye18 罗一诺 health_manager:驿路物流
        qiye19 岩温香 health_manager:南屏数据
        qiye20 郑可欣 health_manager:拾贝网络
        qiye21 谢嘉树 health_manager:知秋信息
        qiye22 韩浩然 health_manager:远山工业软件
        qiye23 冯静远 health_manager:一苇信安
        qiye24 曾俊熙 chief_health_officer:白露生物
        qiye25 萧雪梅 health_manager:启明检验
        qiye26 金哲洙 chief_health_officer:朗月光电
        qiye27 杜文博 health_manager:朗月光电
        qiye28 魏春生 health_manager:和声人力
        qiye29 苏日娜 health_manager:仁里体检
        qiye30 董宇辰 health_manager:锦程酒店
        qiye31 蒋明川 health_manager:木石数创
        qiye32 范知行 health_manager:长风测绘
        qiye33 汪念初 health_manager:桂湖运营
        qiye34 陆沐风 health_manager:小满团餐
        qiye35 邱向阳 health_manager:青简知产
        qiye36 尹修远 health_manager:石桥智造
        qiye37 薛乐山 health_manager:铸心机器人
        qiye38 闫其华 health_manager:大江包装
        qiye39 段谷雨 health_manager:合金谷材料
        qiye40 雷冬青 health_manager:杏林冷链
        qiye41 侯国强 health_manager:医药港运营
        qiye42 龙立新 health_manager:素问器械
        qiye43 史桂英 health_manager:金石会计
        qiye44 陶雨桐 health_manager:临川律所
        qiye45 黎可欣 health_manager:海棠咨询
        qiye46 贺俊熙 health_manager:新芽孵化
        qiye47 顾思齐 health_manager:蓝桉检测
        qiye48 郝文博 health_manager:四海货代
        qiye49 龚宇辰 health_manager:云泽保险
        qiye50 邵晚晴 health_manager:柳堤农贸
        qiye51 万云起 health_manager:童心托育
        qiye52 钱鹿鸣 health_manager:皮影剧场
        qiye53 严子衿 health_manager:静水康复
        qiye54 覃怀瑾 health_manager:南星药房
    """,
)

LUZHOU = Sketch(
    slug="luzhou",
    name="鹭洲区",
    scheme_key="chengdu-hitech/2024-02-01",
    adopted_on=date(2024, 3, 1),
    organ="990002",
    dialling="0000-0001",
    communities={
        "鹭湾街道": ("白鹭社区", "沙洲社区"),
    },
    clinics=(("鹭湾社区卫生服务中心", "鹭湾路12号", "鹭湾街道"),),
    # kind name community unit address hours crowd gates
    places="""
        园区 鹭洲数字港 白鹭社区 经信 数字港大道1号 06:00–22:00 90 正门、北门
          楼宇 鹭洲数字港2号楼 白鹭社区 经信 数字港大道1号 06:30–23:30 35 大堂
        楼宇 沙洲中心 沙洲社区 经信 沙洲路8号 06:30–23:30 65 正门、地下车库B1口
    """,
    # name short-name staff room unit [kind of organisation]
    enterprises="""
        鹭洲数字港
          鹭洲数字港运营有限公司 数字港运营 26 服务楼 经信
          鹭洲飞絮纺织有限公司 飞絮纺织 1105 5号厂房 经信
        鹭洲数字港2号楼
          鹭洲白鹭数字科技有限公司 白鹭数科 320 2号楼3–6层 经信
          鹭洲潮汐能源有限公司 潮汐能源 84 2号楼7层 经信
        沙洲中心
          鹭洲沙洲商业管理有限公司 沙洲商管 57 1层 经信
          鹭洲一叶口腔门诊部 一叶口腔 16 3层 经信
    """,
    branches=(),
    staff="""
        lz-xitong 潘静远 system_admin
        lz-anquan 薛明岩 security_admin
        lz-shenji 段知微 audit_admin
        lz-zhuanban1 魏景行 task_force
        lz-lianluo1 陶清和 unit_liaison:区经济和信息化局
        lz-shequ1 邹予怀 community_liaison:白鹭社区
        lz-shequ2 严秋生 community_liaison:沙洲社区
        lz-zhuanyuan1 毛归雁 specialist:鹭洲数字港 specialist:鹭洲数字港2号楼
        lz-zhuanyuan2 万晚舟 specialist:沙洲中心
        lz-menwei1 龚海生 gate_guard:鹭洲数字港
        lz-menwei2 汤春宁 gate_guard:沙洲中心
        lz-qiye1 孔握瑜 chief_health_officer:飞絮纺织
        lz-qiye2 莫沐风 health_manager:白鹭数科
        lz-zhidao1 吉克阿依 health_guide:白鹭数科
    """,
)
