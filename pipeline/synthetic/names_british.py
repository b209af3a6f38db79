"""Names of the British and Caribbean naming cultures, most frequent first; weights follow from the order (Zipf).

Written for this project from general knowledge of which names are common in which generation; no list of real
people stands behind them. `FORENAMES[sex][era]`: eras are births before 1950, 1950-79, 1980-99 and from 2000.
"""

from __future__ import annotations

F_BEFORE_1950 = """
Margaret Jean Mary Joan Patricia Sheila Barbara Doreen June Shirley Dorothy Joyce Maureen Elizabeth Audrey Brenda
Kathleen Sylvia Eileen Pamela Betty Beryl Ann Irene Marjorie Edna Rita Hazel Olive Edith Jacqueline Vera Hilda Gladys
Phyllis Ethel Evelyn Florence Elsie Winifred Doris Lilian Ivy Muriel Nancy Freda Enid Marion Norma Constance Iris
Thelma Josephine Valerie Rosemary Janet Judith Gillian Christine Daphne Pauline Monica Stella Mavis Peggy Ruth Alice
Rose Nora Connie Hetty Mabel Agnes
"""
M_BEFORE_1950 = """
John William Ronald Kenneth Peter Derek James George Robert Dennis Raymond Brian Alan David Frederick Thomas Arthur
Eric Roy Gordon Donald Leslie Stanley Douglas Ernest Norman Harold Albert Frank Leonard Reginald Charles Edward Joseph
Geoffrey Anthony Gerald Bernard Cyril Sidney Walter Henry Michael Keith Trevor Maurice Jack Harry Percy Herbert Alfred
Cecil Victor Clifford Wilfred Ralph Stuart Colin Terence Philip Roger Malcolm Barry Neville Cedric Horace Edwin Hubert
Basil Laurence Desmond Lionel
"""
F_1950_TO_1979 = """
Susan Julie Karen Jacqueline Deborah Tracey Jane Helen Diane Sharon Linda Sarah Christine Margaret Carol Nicola Amanda
Claire Alison Elizabeth Lisa Michelle Angela Dawn Joanne Lesley Lorraine Wendy Beverley Paula Patricia Samantha Louise
Sally Janet Maxine Jennifer Rachel Emma Catherine Ann Debra Mandy Tina Fiona Caroline Heather Ruth Anita Jill Kim
Teresa Yvonne Maria Gail Tracy Denise Elaine Anne Sandra Jeanette Bridget Melanie Donna Andrea Kerry Joanna Rebecca
Marie Lynn Lynne Suzanne Gillian Hilary Vanessa Annette Theresa Rosemary Frances Kathryn Katherine Judith Shirley
Cheryl Victoria Natalie Kelly Stephanie Tanya
"""
M_1950_TO_1979 = """
David Paul Andrew Mark John Michael Stephen Ian Robert Richard Christopher Peter Simon Anthony Kevin Gary Steven
Martin James Philip Alan Neil Nigel Timothy Colin Graham Jonathan Nicholas William Adrian Brian Stuart Keith Thomas
Patrick Sean Carl Trevor Wayne Shaun Kenneth Barry Derek Dean Raymond Antony Jeremy Joseph Edward Lee Damian Daniel
Matthew Darren Jason Craig Justin Karl Duncan Glenn Dominic Ross Russell Terence Howard Roger Clive Geoffrey Malcolm
Douglas Gerard Stewart Marcus Robin Bruce
"""
F_1980_TO_1999 = """
Sarah Laura Gemma Emma Rebecca Claire Victoria Samantha Rachel Amy Jennifer Nicola Katie Lisa Kelly Natalie Louise
Michelle Hayley Hannah Helen Charlotte Joanne Lucy Elizabeth Leanne Danielle Donna Katherine Clare Stephanie Stacey
Lauren Jane Kerry Emily Catherine Sophie Anna Jessica Zoe Kirsty Kimberley Kate Jenna Caroline Natasha Rachael Amanda
Kathryn Karen Alexandra Jodie Alison Sara Jemma Carly Heather Holly Ruth Fiona Angela Melissa Suzanne Katy Cheryl
Tracey Chloe Bethany Megan Jade Georgina Abigail Amber Naomi Lindsey Kayleigh Rosie Harriet Gabrielle Robyn Paige
Shannon Courtney Ellie Molly Georgia Eleanor
"""
M_1980_TO_1999 = """
Christopher James David Daniel Michael Matthew Andrew Richard Paul Mark Thomas Adam Robert John Lee Benjamin Steven
Jonathan Craig Stephen Simon Nicholas Peter Anthony Alexander Gary Ian Ryan Darren Barry Jamie Stuart Philip Martin
Kevin Joseph William Samuel Sean Gareth Scott Carl Luke Liam Joshua Jack Callum Kieran Nathan Aaron Jordan Dean Shaun
Karl Edward Charles Oliver George Lewis Ashley Connor Jake Bradley Dominic Marc Timothy Wayne Graham Ross Kyle Danny
Leon Reece Harry Curtis Toby Elliot
"""
F_FROM_2000 = """
Olivia Emily Jessica Sophie Chloe Grace Amelia Lily Ella Lucy Mia Charlotte Megan Ruby Katie Hannah Amy Holly Ellie
Molly Evie Isabella Daisy Poppy Abigail Freya Millie Lauren Summer Phoebe Leah Isabelle Imogen Erin Scarlett Bethany
Lola Paige Amber Maisie Caitlin Keira Eleanor Georgia Rosie Elizabeth Matilda Alice Isla Ava Sienna Jasmine Libby Emma
Eva Lexi Tilly Layla Brooke Gracie Maddison Madison Skye Niamh Aimee Lilly Zoe Faith Martha Florence Rebecca Sarah
Hollie Harriet Shannon Courtney Kayleigh Demi Esme Amelie Lacey Eliza Heidi Nicole Rose Willow Ivy Bella Tia Julia
Zara Francesca Robyn Eve Beth Mollie Aaliyah
"""
M_FROM_2000 = """
Jack Oliver Thomas Joshua Harry James Daniel William Samuel Charlie Alfie Joseph George Benjamin Ethan Jacob Lewis
Luke Callum Matthew Dylan Ryan Max Connor Adam Oscar Tyler Jake Liam Cameron Nathan Jayden Riley Archie Leo Logan
Harrison Alexander Henry Jamie Owen Kieran Noah Isaac Lucas Edward Toby Freddie Mason Ben Bradley Brandon Reece Kyle
Aaron Harvey Louis Finley Michael Zachary Tom Sam Joe Theo Jude Rhys Kai Leon Louie Sebastian Hayden Kian Corey Joel
Bailey Sean Robert Zak Ellis Luca Billy Frankie Hugo Elliot Christopher David John Taylor Morgan Ashton Declan Patrick
Rory Austin Jenson Stanley Frederick Ronnie
"""
FORENAMES = {
    "F": (F_BEFORE_1950, F_1950_TO_1979, F_1980_TO_1999, F_FROM_2000),
    "M": (M_BEFORE_1950, M_1950_TO_1979, M_1980_TO_1999, M_FROM_2000),
}

SURNAMES = """
Smith Jones Taylor Brown Williams Wilson Johnson Davies Robinson Wright Thompson Evans Walker White Roberts Green Hall
Wood Jackson Clarke Thomas Harris Edwards Turner Hill Cooper Lewis Clark Hughes Harrison Ward Martin Moore Baker King
Morris Cook Morgan James Bell Allen Parker Bennett Watson Shaw Young Lee Carter Mitchell Davis Phillips Richardson Cox
Marshall Anderson Collins Price Webb Richards Gray Adams Griffiths Simpson Mason Mills Wilkinson Rogers Foster Chapman
Hunt Knight Russell Scott Stevens Barker Powell Matthews Butler Barnes Murphy Murray Campbell Palmer Lloyd Dixon
Reynolds Pearson Fisher Ellis Jenkins Owen Harvey Holmes Fletcher Kelly Walsh Ford Graham Stewart Kennedy Gibson
Hamilton Wallace Fox Gordon Armstrong Burton Cole Dawson West Hart Kemp Lowe Day Bird Booth Bailey Atkinson Lawson
Perry Ryan Sullivan Byrne Doyle Gallagher Lynch Quinn Nolan O'Brien O'Connor O'Neill O'Sullivan McDonald McKenzie
McCarthy Macdonald Sutherland Ross Reid Duncan Grant Robertson Fraser Burns Cunningham Ferguson Henderson Johnston
Paterson Kerr Boyd Crawford Hudson Hawkins Lane Payne Newman Dean Curtis Spencer Saunders Osborne Pritchard Watkins
Bowen Rees Howells Parry Nicholls Hicks Hayes Warren Francis Nash Potter Gill Berry Cross Sharp Slater Rowe Barrett
Bishop Bradley Brooks Bryant Carr Chambers Coleman Dunn Fleming Freeman Frost Gardner George Gilbert Goodwin Hammond
Harper Howard Hopkins Humphreys Jennings Jordan Lambert Lawrence Leach Long Mann Marsh May Morton Nelson Norris Norton
Oliver Page Parsons Patterson Peters Pope Porter Ray Read Reed Rhodes Rice Riley Rose Sanders Savage Sharpe Sheppard
Short Skinner Stephens Stone Swift Tate Todd Tomlinson Townsend Tucker Tyler Vaughan Vincent Wade Walters Watts Weaver
Wells Wheeler Whittaker Wilkins Willis Winter Woodward Yates Abbott Akers Alder Appleby Archer Ashby Atherton Austin
Ball Banks Barlow Baxter Beckett Benson Blackburn Blake Bolton Bond Bourne Bowers Boyle Brady Briggs Brookes Buckley
Bull Burgess Burke Bush Cannon Carpenter Cartwright Charlton Clayton Clements Connolly Conway Copeland Cotton Craig
Crossley Daly Daniels Dale Davey Davidson Davison Dickinson Dobson Donnelly Downes Drake Drew Duffy Dyer Eaton Elliott
Emery English Farrell Farmer Faulkner Finch Finn
"""
RARE_BEGINNINGS = """
Ash Acker Alder Barn Beck Birch Black Blythe Brad Bram Brans Broad Brock Burn Cald Carl Chad Chel Clay Cleve Cold
Copple Crow Cran Dal Den Dews Dun Eccle Edder Elms Fair Farn Fen Fern Frod Gar Grim Had Hale Hamp Har Hather Hay Hazel
Heb Hol Horn Hux Ing Ken Kirk Lang Lind Long Lud Mar Mel Mid Nether New Nor Oak Old Or Pem Pick Pres Rad Raven Red
Rother Rush Sand Sel Shen Shir Skel Staf Stan Stir Sut Swin Thorn Tod Tor Up Wad Wal War Wes Whit Wil Win Wither Wool
Wor Wy
"""
RARE_ENDINGS = """
ton ley worth field by wick ham shaw thorpe ford well wood den dale bury stead croft gate land holm mere combe hurst
bourne cott grave ridge side water ward way brook bank stock
"""

CARIBBEAN_F = """
Shanice Monique Marcia Sonia Yvonne Beverley Jasmine Keisha Michelle Natalie Claudette Joy Angela Pauline Sharon
Hyacinth Gloria Donna Tanisha Chantelle Dionne Simone Naomi Rochelle Aaliyah Tiana Shaniqua Kezia Latoya Marvalyn
Merlene Precious Destiny Shanelle Ebony Jada Amara Ruth Esther Carol Lorna Verna Cynthia Althea Patrice Jodie Renee
Chanel Tamara Sasha Imani Zuri Kadisha
"""
CARIBBEAN_M = """
Marcus Delroy Winston Leroy Anthony Trevor Michael Desmond Errol Jermaine Tyrone Andre Dwayne Jerome Leon Nathan
Reuben Isaiah Elijah Malachi Kieran Tyrell Shaquille Romario Jamal Devon Clive Everton Linford Garfield Neville
Courtney Curtis Dexter Omari Ashley Theo Kyron Rashaan Jaden Micah Ezra Joel Carlton Rupert Vincent Cecil Lloyd Horace
Alvin Dalton Donovan Orlando Kemar Tariq
"""
CARIBBEAN_SURNAMES = """
Campbell Brown Williams Francis Thomas James Gordon Grant Clarke Reid Henry Lewis Johnson Morgan Thompson Wright
Bailey Walker Edwards Joseph Charles Bennett Stewart Morrison Barrett Douglas McKenzie Allen Powell Samuels Simpson
Blake Palmer Facey Dacosta Wynter Gayle Lawes Levy Bogle Ffrench Alleyne Braithwaite Gittens Greenidge Holder Husbands
Jordan Linton Marshall Beckford Cunningham Daley Dixon Ellis Ferguson Fraser Golding Hylton Kerr Lindo Livingston
McFarlane McLean Nembhard Pinnock Plummer Rowe Scarlett Sterling Tulloch Vassell Whyte Sealy Springer Weekes Worrell
Baptiste Jean-Baptiste St-Hilaire Augustin Pierre
"""

# How people are called against how they are registered; used both ways.
NICKNAMES = """
William:Bill William:Will William:Billy Robert:Bob Robert:Rob Richard:Rick Richard:Dick James:Jim James:Jamie
John:Jack Michael:Mike Michael:Mick David:Dave Daniel:Dan Daniel:Danny Thomas:Tom Thomas:Tommy Joseph:Joe Samuel:Sam
Benjamin:Ben Matthew:Matt Christopher:Chris Andrew:Andy Anthony:Tony Stephen:Steve Steven:Steve Peter:Pete
Nicholas:Nick Alexander:Alex Edward:Ted Edward:Eddie Charles:Charlie Frederick:Fred Frederick:Freddie George:Georgie
Kenneth:Ken Ronald:Ron Raymond:Ray Leonard:Len Gerald:Gerry Donald:Don Douglas:Doug Terence:Terry Philip:Phil
Timothy:Tim Jonathan:Jon Joshua:Josh Zachary:Zac Jacob:Jake Cameron:Cam Harrison:Harry Henry:Harry Oliver:Ollie
Nathan:Nate Albert:Bert Alfred:Alf Stanley:Stan Sidney:Sid Margaret:Maggie Margaret:Peggy Elizabeth:Liz Elizabeth:Beth
Elizabeth:Betty Catherine:Cath Katherine:Kate Kathryn:Kath Patricia:Pat Patricia:Trish Susan:Sue Christine:Chris
Deborah:Debbie Jacqueline:Jackie Jennifer:Jenny Rebecca:Becky Victoria:Vicky Samantha:Sam Alexandra:Alex
Stephanie:Steph Nicola:Nicky Amanda:Mandy Joanne:Jo Joanna:Jo Rachel:Rach Gillian:Gill Barbara:Babs Dorothy:Dot
Pamela:Pam Kimberley:Kim Natasha:Tash Abigail:Abi Isabella:Bella Isabelle:Izzy Charlotte:Charlie Eleanor:Ellie
Olivia:Liv Jessica:Jess Matilda:Tilly Madison:Maddie Georgina:Georgie Bethany:Beth Theresa:Terry Teresa:Tess
Caroline:Carrie Danielle:Dani Gabrielle:Gabby Hannah:Han Harriet:Hattie Lauren:Loz Megan:Meg Mohammed:Mo
Mohammed:Muhammad Mohammed:Mohamed Muhammad:Mohammad Mohamed:Mohammed Abdul:Abdel Hussain:Hussein Yusuf:Yousef
Fatima:Fatema Aisha:Ayesha Katarzyna:Kasia Malgorzata:Gosia Agnieszka:Aga Aleksandra:Ola Tomasz:Tomek Krzysztof:Krzys
Piotr:Peter Pawel:Paul Jakub:Kuba Harpreet:Harry Gurpreet:Gary Oluwaseun:Seun Oluwatobi:Tobi Babatunde:Tunde
Adebayo:Bayo
"""
