-- A catalogue to try things with: 20 things in 10 finishes. The last two finishes come from overseas and are priced
-- in dollars, since an order has one currency and somebody will try two.
insert into products (sku, name, description, price_amount, currency, stock)
select
    thing.code || '-' || finish.code,
    finish.name || ' ' || thing.name,
    thing.description || ' ' || finish.description,
    thing.price + finish.surcharge,
    finish.currency,
    thing.stock
from (values
    ('BEAM', 'Beam', 'Carries what stands on it.', 14900, 120),
    ('BENCH', 'Bench', 'Seats three.', 18900, 40),
    ('BOARD', 'Board', 'Planed on four sides.', 1290, 800),
    ('BOX', 'Box', 'Dovetailed, with a lid.', 3490, 150),
    ('BRACKET', 'Bracket', 'Holds a shelf up.', 790, 900),
    ('CHAIR', 'Chair', 'Four legs, all of the same length.', 8900, 90),
    ('CHEST', 'Chest', 'For what is kept for years.', 24900, 25),
    ('CLAMP', 'Clamp', 'Does not let go.', 1990, 300),
    ('DOWEL', 'Dowel', 'Eight millimetres, a pack of fifty.', 490, 2000),
    ('FRAME', 'Frame', 'For a picture or a window.', 2790, 200),
    ('HINGE', 'Hinge', 'Opens both ways.', 690, 1200),
    ('HOOK', 'Hook', 'For a coat.', 590, 1500),
    ('JOIST', 'Joist', 'Holds the floor up.', 9900, 250),
    ('LADDER', 'Ladder', 'Seven rungs.', 7900, 60),
    ('MALLET', 'Mallet', 'For chisels, not for thumbs.', 2490, 180),
    ('PLANE', 'Plane', 'Takes a shaving you can read through.', 12900, 35),
    ('RACK', 'Rack', 'Twelve bottles.', 5900, 70),
    ('SHELF', 'Shelf', 'Eighty centimetres.', 3990, 220),
    ('STOOL', 'Stool', 'Three legs, so it never wobbles.', 4900, 110),
    ('TABLE', 'Table', 'Seats six.', 39900, 20)
) as thing (code, name, description, price, stock)
cross join (values
    ('ASH', 'Ash', 'Light and tough.', 0, 'EUR'),
    ('BEECH', 'Beech', 'Even and hard.', 50, 'EUR'),
    ('BIRCH', 'Birch', 'Pale.', 30, 'EUR'),
    ('CHERRY', 'Cherry', 'Darkens with the years.', 400, 'EUR'),
    ('LARCH', 'Larch', 'For outdoors.', 120, 'EUR'),
    ('MAPLE', 'Maple', 'Hard and white.', 250, 'EUR'),
    ('OAK', 'Oak', 'Will outlast you.', 350, 'EUR'),
    ('PINE', 'Pine', 'Smells of the forest.', 10, 'EUR'),
    ('HICKORY', 'Hickory', 'From overseas: springy.', 500, 'USD'),
    ('WALNUT', 'Walnut', 'From overseas: dark.', 900, 'USD')
) as finish (code, name, description, surcharge, currency);
